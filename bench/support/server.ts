// Starts the servers that are measured: the real command in a process of its own, and the bare echo.
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { PACKAGE_ROOT } from "../../src/package-root.ts";

export interface RunningServer {
  readonly grpcPort: number;
  readonly httpPort: number;
  /** ms from the start of the process to its "Ready" line: every model is loaded and its golden answer checked. */
  readonly readyMs: number;
  stop(): Promise<void>;
}

/** `idiom up` as `npm start` runs it, on free ports, with the models of `models`. */
export async function startIdiom(models: string): Promise<RunningServer> {
  const state = mkdtempSync(join(tmpdir(), "idiom-bench-"));
  process.once("exit", () => rmSync(state, { recursive: true, force: true }));
  const startedAt = performance.now();
  const child = spawn(process.execPath, ["--max-semi-space-size=32", join(PACKAGE_ROOT, "dist", "src", "cli", "main.js"), "up"], {
    env: {
      ...process.env,
      IDIOM_MODELS: models,
      IDIOM_STATE: state,
      IDIOM_GRPC_PORT: "0",
      IDIOM_HTTP_PORT: "0",
      IDIOM_LOG_LEVEL: "warn",
      NO_COLOR: "1",
    },
    stdio: ["ignore", "pipe", "inherit"],
  });
  for await (const line of createInterface({ input: child.stdout })) {
    const ports = /gRPC \S+:(\d+) +HTTP http:\/\/\S+?:(\d+)\//.exec(line);
    if (ports === null) continue;
    child.stdout.resume();
    return { grpcPort: Number(ports[1]), httpPort: Number(ports[2]), readyMs: performance.now() - startedAt, stop: () => stop(child) };
  }
  throw new Error("idiom up ended before it was ready");
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
