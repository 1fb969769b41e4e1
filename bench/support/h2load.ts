// h2load (Debian's nghttp2-client) as the load: the same client for every server that is compared.
import { execFile } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { INFER_PATH } from "./messages.ts";
import { median } from "./report.ts";

const run = promisify(execFile);
const CONNECTIONS = 4;
const STREAMS = 16;

/** Requests per second with 4 connections x 16 streams. @throws Error when h2load is missing or a request failed. */
export async function throughput(port: number, body: string, requests: number): Promise<number> {
  const output = await h2load(port, body, ["-n", String(requests), "-c", String(CONNECTIONS), "-m", String(STREAMS)]);
  const succeeded = Number(/(\d+) succeeded/.exec(output)?.[1]);
  if (succeeded !== requests) throw new Error(`${requests - succeeded} of ${requests} requests failed:\n${output}`);
  return Number(/finished in [^,]+, ([\d.]+) req\/s/.exec(output)?.[1]);
}

/** Median time of a request in us, one at a time. */
export async function latency(port: number, body: string, requests: number): Promise<number> {
  const folder = mkdtempSync(join(tmpdir(), "idiom-bench-"));
  try {
    const log = join(folder, "log");
    await h2load(port, body, ["-n", String(requests), "-c", "1", "-m", "1", "--log-file", log]);
    return median(
      readFileSync(log, "utf8")
        .trim()
        .split("\n")
        .map((line) => Number(line.split("\t")[2])),
    );
  } finally {
    rmSync(folder, { recursive: true });
  }
}

async function h2load(port: number, body: string, args: readonly string[]): Promise<string> {
  try {
    const { stdout } = await run("h2load", [
      ...args,
      "-d",
      body,
      "-H",
      "content-type: application/grpc",
      "-H",
      "te: trailers",
      `http://127.0.0.1:${port}${INFER_PATH}`,
    ]);
    return stdout;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") throw new Error("h2load is not installed; run: apt-get install -y nghttp2-client");
    throw error;
  }
}
