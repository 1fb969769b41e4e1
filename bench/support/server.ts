// Starts the servers that are measured: the real command in a process of its own, and the bare echo.
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import type { Readable } from "node:stream";
import { PACKAGE_ROOT } from "../../src/package-root.ts";

export const LANGUAGES = ["python", "r", "java", "node"] as const;

/** A trivial model in each language: `trivial-<language>`. */
export const MODELS = join(import.meta.dirname, "..", "models");

export interface RunningServer {
  readonly pid: number;
  readonly grpcPort: number;
  readonly httpPort: number;
  /** ms from the start of the process to its "Ready" line: every model is loaded and its golden answer checked. */
  readonly readyMs: number;
  stop(): Promise<void>;
}

/** `idiom up` as `npm start` runs it, on free ports, with the models of `models`. */
export async function startIdiom(models: string, processes = 1, env: NodeJS.ProcessEnv = {}): Promise<RunningServer> {
  const startedAt = performance.now();
  const child = startRole(["up", "--processes", String(processes)], { IDIOM_MODELS: models, ...env });
  const line = await lineOf(child.stdout as Readable, /gRPC \S+:(\d+) +HTTP http:\/\/\S+?:(\d+)\//);
  return { pid: child.pid as number, grpcPort: Number(line[1]), httpPort: Number(line[2]), readyMs: performance.now() - startedAt, stop: () => stop(child) };
}

/** `idiom gateway` on free ports. It knows no model before a worker says that it is ready. */
export async function startGateway(redisUrl: string): Promise<{ readonly grpcPort: number; readonly httpPort: number; stop(): Promise<void> }> {
  const child = startRole(["gateway"], { IDIOM_REDIS_URL: redisUrl });
  const line = await lineOf(child.stderr as Readable, /gRPC \S+:(\d+) +HTTP http:\/\/\S+?:(\d+)\//);
  return { grpcPort: Number(line[1]), httpPort: Number(line[2]), stop: () => stop(child) };
}

/** `idiom worker`, once every model is ready. */
export async function startWorker(redisUrl: string, models: string): Promise<{ readonly httpPort: number; stop(): Promise<void> }> {
  const child = startRole(["worker"], { IDIOM_REDIS_URL: redisUrl, IDIOM_MODELS: models });
  const line = await lineOf(child.stderr as Readable, /worker ready\. +HTTP http:\/\/\S+?:(\d+)\//);
  return { httpPort: Number(line[1]), stop: () => stop(child) };
}

/** Standard error of `up` is shown, of the others read: they say there that they are ready. */
function startRole(args: readonly string[], env: NodeJS.ProcessEnv): ChildProcess {
  const state = mkdtempSync(join(tmpdir(), "idiom-bench-"));
  process.once("exit", () => rmSync(state, { recursive: true, force: true }));
  return spawn(process.execPath, ["--max-semi-space-size=32", join(PACKAGE_ROOT, "dist", "src", "cli", "main.js"), ...args], {
    env: { ...process.env, IDIOM_STATE: state, IDIOM_GRPC_PORT: "0", IDIOM_HTTP_PORT: "0", IDIOM_LOG_LEVEL: "warn", NO_COLOR: "1", ...env },
    stdio: ["ignore", "pipe", args[0] === "up" ? "inherit" : "pipe"],
  });
}

/** The first line that matches. @throws Error when the process ends before, with what it printed. */
async function lineOf(output: Readable, pattern: RegExp): Promise<RegExpExecArray> {
  const printed: string[] = [];
  for await (const line of createInterface({ input: output })) {
    const match = pattern.exec(line);
    printed.push(line);
    if (match === null) continue;
    output.resume();
    return match;
  }
  throw new Error(`it ended before it was ready:\n${printed.join("\n")}`);
}

export async function startEcho(): Promise<{ readonly port: number; stop(): Promise<void> }> {
  const child = spawn(process.execPath, [join(import.meta.dirname, "echo-server.ts")], { stdio: ["ignore", "pipe", "inherit"] });
  const [line] = (await once(createInterface({ input: child.stdout }), "line")) as [string];
  return { port: Number(line), stop: () => stop(child) };
}

async function stop(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null) return;
  const exited = once(child, "exit");
  child.kill("SIGTERM");
  await exited;
}

/** h2load sees HTTP's 200 alone: that every call had an answer is read from the server's own counters. */
export async function checkAnswered(httpPort: number, model: string, atLeast: number): Promise<void> {
  const answered = await readCounter(httpPort, "idiom_requests_total", model);
  const failed = await readCounter(httpPort, "idiom_request_errors_total", model);
  if (answered < atLeast || failed > 0) throw new Error(`${model}: ${answered} requests reached the model, ${failed} failed`);
}

/** A counter of one model, summed over its other labels, from /metrics. */
export async function readCounter(httpPort: number, name: string, model: string): Promise<number> {
  const text = await (await fetch(`http://127.0.0.1:${httpPort}/metrics`)).text();
  const lines = text.matchAll(new RegExp(`^${name}\\{model="${model}"[^}]*\\} (\\S+)$`, "gm"));
  return [...lines].reduce((sum, line) => sum + Number(line[1]), 0);
}

/** Sum and count of a histogram of one model, from /metrics. */
export async function readHistogram(httpPort: number, name: string, model: string): Promise<{ sum: number; count: number }> {
  const text = await (await fetch(`http://127.0.0.1:${httpPort}/metrics`)).text();
  const read = (suffix: string): number => Number(new RegExp(`^${name}_${suffix}\\{model="${model}",version="1"\\} (\\S+)$`, "m").exec(text)?.[1] ?? 0);
  return { sum: read("sum"), count: read("count") };
}
