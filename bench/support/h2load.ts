// h2load (Debian's nghttp2-client) as the load: the same client for every server that is compared.
import { execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { INFER_PATH } from "./messages.ts";
import { median } from "./report.ts";

const run = promisify(execFile);
const CONNECTIONS = 4;
const STREAMS = 16;
const ONE_AT_A_TIME = ["-c", "1", "-m", "1"];
const WHILE_MEASURED_S = 3600;

/** Requests per second with 4 connections x 16 streams. @throws Error when h2load is missing or a request failed. */
export async function throughput(port: number, body: string, requests: number): Promise<number> {
  const output = await h2load(port, body, ["-n", String(requests), "-c", String(CONNECTIONS), "-m", String(STREAMS)]);
  const succeeded = Number(/(\d+) succeeded/.exec(output)?.[1]);
  if (succeeded !== requests) throw new Error(`${requests - succeeded} of ${requests} requests failed:\n${output}`);
  return Number(/finished in [^,]+, ([\d.]+) req\/s/.exec(output)?.[1]);
}

/** Median time of a request in us, one at a time. */
export async function latency(port: number, body: string, requests: number): Promise<number> {
  const timed = await withLog((log) => h2load(port, body, ["-n", String(requests), ...ONE_AT_A_TIME, "--log-file", log]));
  return median(timed.map(({ us }) => us));
}

export interface TimedRequest {
  /** us since the epoch. */
  readonly sentAt: number;
  readonly us: number;
}

/**
 * Requests one at a time, `perSecond` (100 at most: h2load's clock) of them as long as each is answered in time, while `work` runs: all
 * that were answered.
 * @throws Error when h2load is missing or ends before
 */
export function besideRequests(port: number, body: string, perSecond: number, work: () => Promise<void>): Promise<TimedRequest[]> {
  return withLog(async (log) => {
    const args = ["-D", String(WHILE_MEASURED_S), `--rps=${perSecond}`, ...ONE_AT_A_TIME, "--log-file", log];
    const caller = spawn("h2load", [...args, ...requestArgs(port, body)], { stdio: "ignore" });
    const exited = once(caller, "exit").catch(explained);
    const ended = exited.then(() => {
      throw new Error("h2load ended before it was stopped");
    });
    try {
      await Promise.race([work(), ended]);
    } finally {
      ended.catch(() => {});
      caller.kill("SIGINT");
      await exited.catch(() => {});
    }
  });
}

async function withLog(load: (log: string) => Promise<unknown>): Promise<TimedRequest[]> {
  const folder = mkdtempSync(join(tmpdir(), "idiom-bench-"));
  try {
    const log = join(folder, "log");
    await load(log);
    const lines = readFileSync(log, "utf8").trim().split("\n");
    return lines.map((line) => {
      const [sentAt, , us] = line.split("\t").map(Number) as [number, number, number];
      return { sentAt, us };
    });
  } finally {
    rmSync(folder, { recursive: true });
  }
}

async function h2load(port: number, body: string, args: readonly string[]): Promise<string> {
  const { stdout } = await run("h2load", [...args, ...requestArgs(port, body)]).catch(explained);
  return stdout;
}

function requestArgs(port: number, body: string): string[] {
  return ["-d", body, "-H", "content-type: application/grpc", "-H", "te: trailers", `http://127.0.0.1:${port}${INFER_PATH}`];
}

function explained(error: unknown): never {
  if ((error as NodeJS.ErrnoException).code === "ENOENT") throw new Error("h2load is not installed; run: apt-get install -y nghttp2-client");
  throw error;
}
