// What the data threads do. Piscina loads this file in each of them and calls a function by its name.
import { type ErrorCode, IdiomError } from "../core/errors.ts";

/** Between threads an error would lose its class and its code. */
export type TaskOutcome<Value> = { readonly ok: true; readonly value: Value } | { readonly ok: false; readonly code: ErrorCode; readonly message: string };

// Each thread loads what it is for.
export const joinParts = task(async () => (await import("./join-task.ts")).joinParts);
export const readDataset = task(async () => (await import("./read-task.ts")).readDataset);
export const writeChunk = task(loadWriter);
/** So that the first chunk's writing need not wait for a thread to start. */
export const prepareWriter = task(async () => {
  await loadWriter();
  return () => {};
});

async function loadWriter(): Promise<typeof import("./write-task.ts").writeChunk> {
  return (await import("./write-task.ts")).writeChunk;
}

function task<Input, Value>(load: () => Promise<(input: Input) => Value | Promise<Value>>): (input: Input) => Promise<TaskOutcome<Value>> {
  return async (input) => {
    try {
      const work = await load();
      return { ok: true, value: await work(input) };
    } catch (error) {
      const { code, message } = IdiomError.from(error);
      return { ok: false, code, message };
    }
  };
}
