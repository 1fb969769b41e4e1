// How the Redis servers of this process are, for probes, operators, the log and the metrics.
import type { Logger } from "pino";
import type { RemoteQueue } from "../lanes/realtime/remote-queue.ts";
import type { RedisServer } from "../redis/connection.ts";
import { isUsable, REDIS_STATES, type RedisHealth, type RedisState } from "../redis/health.ts";
import { RedisMonitor } from "../redis/monitor.ts";
import { shownUrl } from "../redis/redis-url.ts";
import type { Metrics } from "../telemetry/metrics.ts";
import type { ClusterRegistry } from "./cluster-registry.ts";

/** What a server is used for. */
export type RedisUse = "realtime" | "jobs";

export interface RedisReport {
  /** The worst of the servers; `missing`: there is none for jobs. */
  readonly state: RedisState | "missing";
  /** In plain words; "" when all is well. */
  readonly detail: string;
}

export class RedisWatch {
  readonly #monitors = new Map<RedisUse, RedisMonitor>();
  readonly #missing: string | null;
  readonly #listeners = new Set<() => void>();
  #realtimeProblem: string | null = null;

  /** `missing`: why there is no server for a use that wants one. A server with two uses is asked once. */
  constructor(servers: Readonly<Record<RedisUse, RedisServer | null>>, missing: string | null, metrics: Metrics, log: Logger) {
    this.#missing = missing;
    if (missing !== null) log.warn(missing);
    for (const [use, server] of Object.entries(servers) as [RedisUse, RedisServer | null][]) {
      if (server === null) continue;
      const same = [...this.#monitors.values()].find((monitor) => monitor.server.url === server.url);
      this.#monitors.set(use, same ?? this.#monitor(server, log));
    }
    this.#look();
    for (const [use, monitor] of this.#monitors)
      metrics.redis(use, REDIS_STATES, () => ({ state: monitor.health.state, latencySeconds: (monitor.latencyMs ?? 0) / 1000 }));
  }

  get report(): RedisReport {
    const all = [...new Set(this.#monitors.values())].map(({ health }) => health);
    const worst = all.reduce<RedisHealth>((worse, health) => (severity(health) > severity(worse) ? health : worse), { state: "ok", detail: "" });
    const problems = this.problems;
    return { state: worst.state === "ok" && this.#missing !== null ? "missing" : worst.state, detail: problems.join("; ") };
  }

  get problems(): string[] {
    const details = [...new Set(this.#monitors.values())].map(({ health }) => health.detail).filter((detail) => detail !== "");
    return this.#missing === null ? details : [...details, this.#missing];
  }

  /** Why no call can go through the realtime lane now; null when it can, or when this process has none. */
  get realtimeProblem(): string | null {
    return this.#realtimeProblem;
  }

  /** `listener` hears of every change, and of what is now at once. */
  onChange(listener: () => void): void {
    this.#listeners.add(listener);
    listener();
  }

  stop(): void {
    for (const monitor of this.#monitors.values()) monitor.stop();
  }

  #look(): void {
    const health = this.#monitors.get("realtime")?.health;
    this.#realtimeProblem = health === undefined || isUsable(health.state) ? null : health.detail;
  }

  #monitor(server: RedisServer, log: Logger): RedisMonitor {
    let since = performance.now();
    return new RedisMonitor(server, (health, before) => {
      const now = performance.now();
      const lastedS = Math.round((now - since) / 1000);
      since = now;
      if (health.state === "ok") log.info(`Redis at ${shownUrl(server.url)}: ${before.state} -> ok, after ${lastedS} s`);
      else log.warn(`Redis: ${before.state} -> ${health.state}: ${health.detail}`);
      this.#look();
      for (const listener of this.#listeners) listener();
    });
  }
}

/** The others can be reached once the probe and the lane's own connection are both back: each is tried again at its own times. */
export function followRedis(registry: ClusterRegistry, watch: RedisWatch, queue: RemoteQueue): void {
  const look = (): void => {
    const { realtimeProblem } = watch;
    if (realtimeProblem !== null || queue.available) registry.setRedisProblem(realtimeProblem);
  };
  watch.onChange(look);
  queue.onLeased(look);
}

function severity({ state }: RedisHealth): number {
  return REDIS_STATES.indexOf(state);
}
