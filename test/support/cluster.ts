// The roles `gateway` and `worker` as processes of their own, and traffic through them.
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { setTimeout as delay } from "node:timers/promises";
import type { ServiceError } from "@grpc/grpc-js";
import { Cluster } from "ioredis";
import type { RedisConnection } from "../../src/redis/connection.ts";
import { Client } from "./client.ts";
import { HealthClient } from "./health.ts";
import type { Language } from "./languages.ts";
import { Lines } from "./lines.ts";
import { type Labels, readMetric } from "./metrics.ts";
import { CLI, cleanEnvironment } from "./server.ts";

const STOP_TIMEOUT_MS = 20_000;
const LOOK_AGAIN_MS = 20;
/** A caller that was refused calls again after this time. */
const REFUSED_MS = 20;

/** The Redis that the roles meet in, with a connection of the test's own. */
export interface SharedRedis {
  readonly url: string;
  readonly client: RedisConnection;
}

/** A role in a process, which ends with this one at the latest. */
export interface Role {
  readonly pid: number;
  readonly log: Lines;
  /** `http://host:port` */
  readonly http: string;
  metric(name: string, labels: Labels): Promise<number>;
  /** Ends it and returns its exit code. @throws Error when it does not end. */
  end(signal: "SIGTERM" | "SIGKILL"): Promise<number | null>;
}

export interface Gateway extends Role {
  /** `host:port` of the gRPC front door. */
  readonly address: string;
  readonly client: Client;
  /** Resolves once it says this of the model. */
  says(model: string, status: "SERVING" | "NOT_SERVING"): Promise<void>;
}

/** Starts `idiom gateway` and resolves once its ports are open. */
export async function startGateway(redis: { readonly url: string }, env: NodeJS.ProcessEnv = {}): Promise<Gateway> {
  const role = startRole(["gateway"], { IDIOM_REDIS_URL: redis.url, IDIOM_GRPC_PORT: "0", ...env });
  const [address, http] = await role.log.first((line) => (/gRPC (\S+) +HTTP (http:\/\/[^/]+)/.exec(line)?.slice(1) ?? null) as [string, string] | null);
  const client = new Client(address);
  const health = new HealthClient(address);
  return {
    ...role,
    address,
    http,
    client,
    says: (model, status) => health.says(model, status),
    async end(signal) {
      client.close();
      health.close();
      return role.end(signal);
    },
  };
}

/** Starts `idiom worker` for these languages, and resolves once the others can see that its models are ready. */
export async function startWorker(redis: SharedRedis, models: string, languages: Language | readonly Language[], env: NodeJS.ProcessEnv = {}): Promise<Role> {
  const role = startRole(["worker", "--runtimes", String(languages)], { IDIOM_REDIS_URL: redis.url, IDIOM_MODELS: models, ...env });
  const http = await role.log.first((line) => /^worker ready\. +HTTP (http:\/\/[^/]+)/.exec(line)?.[1] ?? null);
  const { pid } = role;
  while (!(await nodes(redis)).some((node) => node.pid === pid && node.versions.every(({ state }) => state === "ready" || state === "foreign")))
    await delay(LOOK_AGAIN_MS);
  return { ...role, http };
}

interface SeenNode {
  readonly pid: number;
  readonly versions: readonly { readonly state: string }[];
}

async function nodes({ client }: SharedRedis): Promise<SeenNode[]> {
  const servers = client instanceof Cluster ? client.nodes("master") : [client];
  const names = (await Promise.all(servers.map((server) => server.keys("idiom:report:*")))).flat();
  const reports = await Promise.all(names.map((name) => client.get(name)));
  return reports.flatMap((text) => (text === null ? [] : [(JSON.parse(text) as { report: SeenNode }).report]));
}

const running = new Set<ChildProcess>();
process.once("exit", () => {
  for (const child of running) child.kill("SIGKILL");
});

function startRole(args: readonly string[], env: NodeJS.ProcessEnv): Omit<Role, "http"> {
  const child: ChildProcess = spawn(process.execPath, [CLI, ...args], {
    env: cleanEnvironment({ IDIOM_HTTP_PORT: "0", ...env }),
    stdio: ["ignore", "ignore", "pipe"],
  });
  const log = new Lines(child.stderr as NonNullable<typeof child.stderr>);
  running.add(child);
  child.once("exit", () => running.delete(child));
  return {
    pid: child.pid as number,
    log,
    async metric(name, labels) {
      const http = await log.first((line) => /HTTP (http:\/\/[^/]+)/.exec(line)?.[1] ?? null);
      const response = await fetch(`${http}/metrics`);
      return readMetric(await response.text(), name, labels);
    },
    async end(signal) {
      if (child.exitCode !== null || child.signalCode !== null) return child.exitCode;
      const exited = once(child, "exit", { signal: AbortSignal.timeout(STOP_TIMEOUT_MS) });
      child.kill(signal);
      try {
        return ((await exited) as [number | null])[0];
      } catch (error) {
        child.kill("SIGKILL");
        throw new Error(`it did not end within ${STOP_TIMEOUT_MS} ms; it said:\n${log.text}`, { cause: error });
      }
    },
  };
}

/** Makes the i-th call and holds its answer against what is right. */
export type CallOnce = (i: number) => Promise<void>;

/** Callers that call without a pause, until they are stopped. */
export class Traffic {
  /** Calls that ended with an error of the protocol, in order. */
  readonly failures: ServiceError[] = [];
  /** ms that the longest call took. */
  slowestMs = 0;
  answered = 0;
  readonly #callers: Promise<void>[];
  readonly #waiting = new Set<() => void>();
  #next = 0;
  #stopped = false;

  constructor(callers: number, call: CallOnce) {
    this.#callers = Array.from({ length: callers }, () => this.#run(call));
    // A wrong answer is thrown by `stop`.
    for (const caller of this.#callers) caller.catch(() => {});
  }

  /** Resolves after `count` more right answers; rejects with a wrong one. */
  async moreAnswers(count: number): Promise<void> {
    const wanted = this.answered + count;
    const reached = new Promise<void>((resolve) => {
      const look = (): void => {
        if (this.answered < wanted) return;
        this.#waiting.delete(look);
        resolve();
      };
      this.#waiting.add(look);
    });
    await Promise.race([reached, Promise.all(this.#callers)]);
  }

  /** Resolves when the last call has ended. @throws what a wrong answer threw */
  async stop(): Promise<void> {
    this.#stopped = true;
    await Promise.all(this.#callers);
  }

  async #run(call: CallOnce): Promise<void> {
    while (!this.#stopped) {
      const started = performance.now();
      try {
        await call(this.#next++);
        this.answered++;
      } catch (error) {
        if (!("metadata" in (error as object))) throw error;
        this.failures.push(error as ServiceError);
        await delay(REFUSED_MS);
      }
      this.slowestMs = Math.max(this.slowestMs, performance.now() - started);
      for (const look of this.#waiting) look();
    }
  }
}
