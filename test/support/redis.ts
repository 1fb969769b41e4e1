// A Redis server for one test file: a process of its own with a password, on a UNIX socket that no other test can take.
import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { loadConfig } from "../../src/config/config.ts";
import type { Priority } from "../../src/core/invocation.ts";
import { connect, type RedisConnection, serverAt } from "../../src/redis/connection.ts";
import { findTool } from "../../workers/runtimes.ts";
import { Lines } from "./lines.ts";

const LOOK_AGAIN_MS = 20;
export const PASSWORD = "s3cret/@:";

export class RedisServer {
  readonly #folder = mkdtempSync(join(tmpdir(), "idiom-test-redis-"));
  readonly socket = join(this.#folder, "redis.sock");
  /** How every process under test reaches it, before and after a restart. */
  readonly url = `unix://:${encodeURIComponent(PASSWORD)}@${this.socket}`;
  /** A connection of the test's own. */
  readonly client: RedisConnection = connect(serverAt(this.url), "blocking");
  readonly #durable: boolean;
  #process: ChildProcess | null = null;

  /** `durable`: what it held is there again after a kill and a start. */
  constructor(durable = false) {
    this.#durable = durable;
    process.once("exit", () => {
      this.#process?.kill("SIGKILL");
      rmSync(this.#folder, { recursive: true, force: true });
    });
  }

  /** Resolves once it takes commands. It holds nothing, unless it is durable. */
  async start(): Promise<void> {
    const settings = { port: "0", unixsocket: this.socket, requirepass: PASSWORD, save: "", appendonly: this.#durable ? "yes" : "no", dir: this.#folder };
    const args = Object.entries(settings).flatMap(([name, value]) => [`--${name}`, value]);
    this.#process = spawn(findTool("redis-server", loadConfig({ IDIOM_DATA: process.env["IDIOM_DATA"] }).data), args, { stdio: ["ignore", "pipe", "ignore"] });
    const output = new Lines(this.#process.stdout as NonNullable<ChildProcess["stdout"]>);
    await output.first((line) => (/ready to accept connections/i.test(line) ? line : null));
  }

  /** Ends it without a farewell; what it held is lost, unless it is durable. */
  async kill(): Promise<void> {
    const running = this.#process as ChildProcess;
    if (running.exitCode !== null || running.signalCode !== null) return;
    const exited = once(running, "exit");
    running.kill("SIGKILL");
    await exited;
  }

  /** Every key with the ms that it still has; -1: for ever. */
  async keys(): Promise<Map<string, number>> {
    const names = await this.client.keys("*");
    const left = await Promise.all(names.map(async (name) => [name, await this.client.pttl(name)] as const));
    return new Map(left.filter(([, ms]) => ms !== -2));
  }

  /** Resolves once so many gateways and nodes hold their leases. */
  async joined(gateways: number, nodes: number): Promise<void> {
    const holding = async (kind: string): Promise<number> => (await this.client.keys(`idiom:${kind}:*`)).length;
    while ((await holding("gateway")) !== gateways || (await holding("node")) !== nodes) await delay(LOOK_AGAIN_MS);
  }

  /** Resolves once so many bundles wait for the model's only version. */
  async queued(model: string, count: number, priority: Priority = 1): Promise<void> {
    while ((await this.#queued(model, priority)) !== count) await delay(LOOK_AGAIN_MS);
  }

  /** Takes the first bundle that waits for the model, as a worker would that dies at that moment. */
  async takeBundle(model: string): Promise<void> {
    const [list = ""] = await this.#lists(model, 1);
    assert.notEqual(await this.client.lpop(list), null);
  }

  async #queued(model: string, priority: Priority): Promise<number> {
    const lengths = await Promise.all((await this.#lists(model, priority)).map((list) => this.client.llen(list)));
    return lengths.reduce((sum, length) => sum + length, 0);
  }

  /** One for each digest of its files. */
  #lists(model: string, priority: Priority): Promise<string[]> {
    return this.client.keys(`idiom:{queue:${model}/1:*}:${priority}`);
  }

  async stop(): Promise<void> {
    this.client.disconnect();
    await this.kill();
  }
}
