// A job as the benchmarks run it: on a file of the server, watched from its submission to its end.
import { readFileSync, writeFileSync } from "node:fs";
import { setTimeout as delay } from "node:timers/promises";
import type { JobClient, JobMessage } from "../../src/cli/job-client.ts";
import type { ModelVersion } from "../../src/core/model.ts";
import { generateRows } from "./rows.ts";

/** Rows that are drawn; a file repeats them. */
const DRAWN_ROWS = 20_000;
const LOOK_MS = 50;
const PAGE_BYTES = 4096;

export interface JobRun {
  readonly seconds: number;
  /** From the submission to the first rows that were committed. */
  readonly firstSeconds: number;
  /** Of the server, while the job ran. */
  readonly mostBytes: number;
}

/** A table of so many rows for the model, drawn from its recorded inputs. Returns its bytes. */
export function writeTable(path: string, version: ModelVersion, rows: number): number {
  const { columns } = generateRows(version, Math.min(rows, DRAWN_ROWS));
  const lines = Array.from({ length: Math.min(rows, DRAWN_ROWS) }, (_, row) => columns.map(({ values }) => String(values[row])).join(","));
  const whole = `${lines.join("\n")}\n`;
  let bytes = 0;
  const write = (text: string, flag: "w" | "a"): void => {
    writeFileSync(path, text, { flag });
    bytes += text.length;
  };
  write(`${columns.map(({ name }) => name).join(",")}\n`, "w");
  for (let at = 0; at < rows; at += DRAWN_ROWS) write(rows - at >= DRAWN_ROWS ? whole : `${lines.slice(0, rows - at).join("\n")}\n`, "a");
  return bytes;
}

export async function submitJob(jobs: JobClient, model: string, input: string, output: string): Promise<string> {
  const request = {
    model,
    version: "",
    input: { path: input },
    output: { path: output },
    keep: [],
    maxFailedRows: "",
    priority: 0,
    idempotencyKey: "",
  };
  return (await jobs.submit(request)).id;
}

/** Runs a job to its end. `pid`: the server's. @throws Error when it does not succeed. */
export async function runJob(jobs: JobClient, pid: number, model: string, input: string, output: string): Promise<JobRun> {
  const startedAt = performance.now();
  const id = await submitJob(jobs, model, input, output);
  let firstSeconds = Number.NaN;
  let mostBytes = 0;
  let last: JobMessage | null = null;
  const sampling = new AbortController();
  const sampled = (async () => {
    while (!sampling.signal.aborted) {
      mostBytes = Math.max(mostBytes, residentBytes(pid));
      await delay(LOOK_MS);
    }
  })();
  for await (const job of jobs.watch(id)) {
    if (job.doneRows > 0 && Number.isNaN(firstSeconds)) firstSeconds = (performance.now() - startedAt) / 1000;
    last = job;
  }
  const seconds = (performance.now() - startedAt) / 1000;
  sampling.abort();
  await sampled;
  if (last?.state !== "succeeded") throw new Error(`the job ${last?.state}: ${last?.reason}`);
  return { seconds, firstSeconds, mostBytes };
}

/** Of a CSV file, without its header. */
export function rowsOf(path: string): number {
  const bytes = readFileSync(path);
  let lines = 0;
  for (let at = bytes.indexOf("\n"); at !== -1; at = bytes.indexOf("\n", at + 1)) lines++;
  return lines - 1;
}

function residentBytes(pid: number): number {
  return Number(readFileSync(`/proc/${pid}/statm`, "utf8").split(" ")[1]) * PAGE_BYTES;
}
