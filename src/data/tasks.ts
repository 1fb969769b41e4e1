// What the data threads do. Piscina loads this file in each of them and calls a function by its name.
import { type ErrorCode, IdiomError } from "../core/errors.ts";
import { joinParts as join } from "./join-task.ts";
import { readDataset as read } from "./read-task.ts";
import { writeChunk as write } from "./write-task.ts";

/** Between threads an error would lose its class and its code. */
export type TaskOutcome<Value> = { readonly ok: true; readonly value: Value } | { readonly ok: false; readonly code: ErrorCode; readonly message: string };

export const joinParts = task(join);
export const readDataset = task(read);
export const writeChunk = task(write);

function task<Input, Value>(work: (input: Input) => Value | Promise<Value>): (input: Input) => Promise<TaskOutcome<Value>> {
  return async (input) => {
    try {
      return { ok: true, value: await work(input) };
    } catch (error) {
      const { code, message } = IdiomError.from(error);
      return { ok: false, code, message };
    }
  };
}
