// Calls of one row each at a steady rate, whatever becomes of those before, and how long each took.
import { setTimeout as delay } from "node:timers/promises";
import type { ModelVersion } from "../../src/core/model.ts";
import { Client } from "../../test/support/client.ts";
import { type Rows, rawColumn } from "./rows.ts";

const TICK_MS = 1;
/** Without a rate: so many callers that each wait for their answer, and call again. */
const CALLERS = 32;

/** ms of each call. `perSecond` null: as many as the server answers. @throws the first error */
export async function callAtRate(port: number, version: ModelVersion, rows: Rows, perSecond: number | null, seconds: number): Promise<number[]> {
  const client = new Client(`127.0.0.1:${port}`);
  const requests = Array.from({ length: rows.count }, (_, row) =>
    rows.columns.map((column) => ({ name: column.name, datatype: column.datatype, shape: [1], data: rawColumn(column, row, 1), contents: null })),
  );
  const times: number[] = [];
  let sent = 0;
  const call = async (): Promise<void> => {
    const sentAt = performance.now();
    await client.infer(version.name, requests[sent++ % requests.length] ?? []);
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
      const calls: Promise<void>[] = [];
      while (elapsed() < seconds) {
        while (calls.length < perSecond * elapsed()) calls.push(call());
        await delay(TICK_MS);
      }
      await Promise.all(calls);
    }
    return times;
  } finally {
    client.close();
  }
}
