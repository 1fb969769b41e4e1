// A real server for tests: the command `idiom up` as a process of its own, on free ports.
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { PACKAGE_ROOT } from "../../src/package-root.ts";
import { Client } from "./client.ts";
import { processFolder } from "./folders.ts";
import { HealthClient } from "./health.ts";
import { Lines } from "./lines.ts";
import { type Labels, readMetric } from "./metrics.ts";

const STOP_TIMEOUT_MS = 20_000;

export const CLI = join(PACKAGE_ROOT, "src", "cli", "main.ts");

export interface LogEntry {
  readonly level: number;
  readonly msg: string;
  readonly model?: string;
  readonly version?: string;
  readonly instance?: string;
  readonly stream?: string;
}

export interface ServerOptions {
  /** Folder that holds a folder per model. */
  readonly models: string;
  readonly flags?: readonly string[];
  readonly env?: NodeJS.ProcessEnv;
  /** A descriptor that the server finds open beyond those that it asks for. */
  readonly inherited?: number;
}

/** Node closes low ones that it finds by itself. */
const INHERITED_FD = 40;

/** For commands that should not get as far as to use it. */
const STATE = processFolder();

/** The environment of a process under test: the caller's, without its own settings of Idiom but the data folder. */
export function cleanEnvironment(more: NodeJS.ProcessEnv = {}): NodeJS.ProcessEnv {
  const inherited = Object.entries(process.env).filter(([name]) => !name.startsWith("IDIOM_") || name === "IDIOM_DATA");
  return { ...Object.fromEntries(inherited), NO_COLOR: "1", IDIOM_STATE: STATE, ...more };
}

/** Starts `idiom up` and resolves once every model has settled. */
export async function startServer(options: ServerOptions): Promise<Server> {
  const process = spawnUp(options);
  const output = new Lines(process.stdout as NonNullable<typeof process.stdout>);
  const log = new Lines(process.stderr as NonNullable<typeof process.stderr>);
  try {
    const [grpc, http] = await output.first((line) => /gRPC (\S+) +HTTP http:\/\/(\S+?)\//.exec(line)?.slice(1, 3) ?? null);
    return new Server(process, output, log, grpc as string, http as string);
  } catch (error) {
    throw new Error(`idiom up ended before it was ready:\n${log.text}`, { cause: error });
  }
}

/** Starts `idiom up`, with a state folder of its own, and waits for nothing. It ends with this process at the latest. */
export function spawnUp({ models, flags = [], env = {}, inherited }: ServerOptions): ChildProcess {
  const args = [CLI, "up", "--models", models, "--grpc-port", "0", "--http-port", "0", ...flags];
  const stdio: ("ignore" | "pipe" | number)[] = ["ignore", "pipe", "pipe"];
  if (inherited !== undefined) stdio[INHERITED_FD] = inherited;
  const child = spawn(process.execPath, args, {
    env: cleanEnvironment({ IDIOM_STATE: processFolder(), ...env }),
    stdio: Array.from(stdio, (entry) => entry ?? "ignore"),
  });
  const end = (): void => void child.kill("SIGKILL");
  process.once("exit", end);
  child.once("exit", () => process.removeListener("exit", end));
  return child;
}

export class Server {
  readonly process: ChildProcess;
  readonly output: Lines;
  readonly log: Lines;
  /** `host:port` of the gRPC front door. */
  readonly address: string;
  readonly http: string;
  readonly client: Client;
  readonly health: HealthClient;

  constructor(process: ChildProcess, output: Lines, log: Lines, grpc: string, http: string) {
    this.process = process;
    this.output = output;
    this.log = log;
    this.address = grpc;
    this.http = `http://${http}`;
    this.client = new Client(grpc);
    this.health = new HealthClient(grpc);
  }

  /** The first log entry, from the line `since` on, for which `matches` holds. */
  logged(matches: (entry: LogEntry) => boolean, since = 0): Promise<LogEntry> {
    return this.log.first((line) => {
      if (!line.startsWith("{")) return null;
      const entry = JSON.parse(line) as LogEntry;
      return matches(entry) ? entry : null;
    }, since);
  }

  /** The sum of a metric's samples that carry these labels. */
  async metric(name: string, labels: Labels = {}): Promise<number> {
    const response = await fetch(`${this.http}/metrics`);
    return readMetric(await response.text(), name, labels);
  }

  /** Ends the server as an operator would, and returns its exit code. @throws Error when it does not end. */
  async stop(): Promise<number | null> {
    this.client.close();
    this.health.close();
    if (this.process.exitCode !== null || this.process.signalCode !== null) return this.process.exitCode;
    const exited = once(this.process, "exit", { signal: AbortSignal.timeout(STOP_TIMEOUT_MS) });
    this.process.kill("SIGTERM");
    try {
      return ((await exited) as [number | null])[0];
    } catch (error) {
      this.process.kill("SIGKILL");
      throw new Error(`the server did not stop within ${STOP_TIMEOUT_MS} ms; it said:\n${this.log.text}`, { cause: error });
    }
  }
}
