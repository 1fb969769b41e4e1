// Asks a Redis once a second how it is, by writing to it as we do in earnest.
import { randomUUID } from "node:crypto";
import { setTimeout as delay, setImmediate as nextTurn } from "node:timers/promises";
import { Cluster } from "ioredis";
import { connect, type RedisConnection, type RedisServer } from "./connection.ts";
import { judge, type RedisHealth, type RedisObservation } from "./health.ts";
import { keys } from "./keys.ts";

const PROBE_MS = 1000;
/** A server that answers no probe within this time is away. */
const TIMEOUT_MS = 2000;
/** A connection that was just lost is often back at once. */
const GRACE_MS = 500;
/** One slow answer may be our own doing: the event loop had other work. */
const LATENCIES = 3;
const PROBE_EXPIRE_MS = 10_000;
const FIRST_VERDICT_MS = 3000;

export class RedisMonitor {
  readonly server: RedisServer;
  readonly #redis: RedisConnection;
  readonly #key = keys.probe(randomUUID());
  readonly #changed: (health: RedisHealth, before: RedisHealth) => void;
  #health: RedisHealth;
  #latencies: number[] = [];
  #everConnected = false;
  #seenAt = Number.NEGATIVE_INFINITY;
  #error: Error | null = null;
  #wake: () => void = () => {};
  #stopped = false;

  /** `changed` hears of another state, not of every probe. @throws IdiomError CONFIG_INVALID as `connect` does */
  constructor(server: RedisServer, changed: (health: RedisHealth, before: RedisHealth) => void) {
    this.server = server;
    this.#changed = changed;
    this.#health = judge(server.url, { connected: false, everConnected: false, error: null });
    this.#redis = connect(server, "commands");
    this.#redis.on("error", (error: Error) => {
      this.#error = error;
      if (!this.#everConnected) this.#wake();
    });
    this.#redis.on("ready", () => this.#wake());
    void this.#run();
  }

  get health(): RedisHealth {
    return this.#health;
  }

  /** The shortest of the last few round trips; null before the first. */
  get latencyMs(): number | null {
    return this.#latencies.length === 0 ? null : Math.min(...this.#latencies);
  }

  stop(): void {
    this.#stopped = true;
    this.#redis.disconnect();
    this.#wake();
  }

  async #run(): Promise<void> {
    while (!this.#stopped) {
      await this.#probe();
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, PROBE_MS);
        this.#wake = () => {
          clearTimeout(timer);
          resolve();
        };
      });
    }
  }

  async #probe(): Promise<void> {
    const seen = this.#redis.status === "ready" ? await this.#ask() : this.#disconnected(this.#error);
    if (this.#stopped) return;
    const now = performance.now();
    if (seen.connected) this.#seenAt = now;
    else if (now - this.#seenAt < GRACE_MS) return;
    const before = this.#health;
    this.#health = judge(this.server.url, seen);
    if (before.state !== this.#health.state) this.#changed(this.#health, before);
  }

  async #ask(): Promise<RedisObservation> {
    const asked = performance.now();
    const write = this.#redis.set(this.#key, "1", "PX", PROBE_EXPIRE_MS).then(
      () => null,
      (error: Error) => error,
    );
    const answered = write.then((error) => ({ error, latencyMs: performance.now() - asked }));
    const servers = this.#redis instanceof Cluster ? this.#redis.nodes("master") : [this.#redis];
    const info = Promise.all(servers.map((server) => server.info().catch(() => "")));
    // An answer that has come while the event loop was busy is heard before the timer.
    const late = delay(TIMEOUT_MS).then(() => nextTurn(null));
    const answer = await Promise.race([Promise.all([answered, info]), late]);
    if (answer === null) return this.#disconnected(new Error(`no answer within ${TIMEOUT_MS} ms`));
    const [{ error, latencyMs }, texts] = answer;
    if (error !== null && !isAnswer(error)) return this.#disconnected(this.#error ?? error);
    this.#everConnected = true;
    this.#error = null;
    this.#latencies = [...this.#latencies.slice(1 - LATENCIES), latencyMs];
    return { connected: true, error, latencyMs: Math.min(...this.#latencies), info: texts };
  }

  #disconnected(error: Error | null): RedisObservation {
    return { connected: false, everConnected: this.#everConnected, error };
  }
}

/** How the server is now; what has not been found out within three seconds is `connecting`. @throws IdiomError CONFIG_INVALID as `connect` does */
export async function probeRedis(server: RedisServer): Promise<RedisHealth> {
  const changed = Promise.withResolvers<void>();
  const monitor = new RedisMonitor(server, () => changed.resolve());
  await Promise.race([changed.promise, delay(FIRST_VERDICT_MS, null, { ref: false })]);
  monitor.stop();
  return monitor.health;
}

/** Whether the server said it; a cluster's client asks several times and then speaks for it. */
function isAnswer(error: Error): boolean {
  return error.name === "ReplyError" || error.message.includes("CLUSTERDOWN");
}
