// Calls at a steady rate, whatever becomes of those before, and how long each took.
import { setTimeout as delay } from "node:timers/promises";
import { Client } from "../../test/support/client.ts";
import type { SentTensor } from "../../test/support/tensors.ts";
import { type Rows, rawColumn } from "./rows.ts";

const TICK_MS = 1;
/** Without a rate: so many callers that each wait for their answer, and call again. */
const CALLERS = 32;

/** The inputs of one call for each row. */
export function callsOf(rows: Rows): SentTensor[][] {
  return Array.from({ length: rows.count }, (_, row) =>
    rows.columns.map((column) => ({ name: column.name, datatype: column.datatype, shape: [1], data: rawColumn(column, row, 1), contents: null })),
  );
}

/** ms of each call. `calls`: the inputs of each, from the first again after the last. `perSecond` null: as many as are answered. @throws the first error */
export async function callAtRate(
  port: number,
  model: string,
  calls: readonly (readonly SentTensor[])[],
  perSecond: number | null,
  seconds: number,
): Promise<number[]> {
  const client = new Client(`127.0.0.1:${port}`);
  const times: number[] = [];
  let sent = 0;
  const call = async (): Promise<void> => {
    const sentAt = performance.now();
    await client.infer(model, calls[sent++ % calls.length] ?? []);
    times.push(performance.now() - sentAt);
  };
  try {
    const startedAt = performance.now();
    const elapsed = (): number => (performance.now() - startedAt) / 1000;
    if (perSecond === null) {
      const caller = async (): Promise<void> => {
        while (elapsed() < seconds) await call();
      };
      await Promise.all(Array.from({ length: CALLERS }, caller));
    } else {
      const sending: Promise<void>[] = [];
      while (elapsed() < seconds) {
        while (sending.length < perSecond * elapsed()) sending.push(call());
        await delay(TICK_MS);
      }
      await Promise.all(sending);
    }
    return times;
  } finally {
    client.close();
  }
}
