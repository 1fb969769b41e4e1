// What a probe is told: whether calls are welcome, and the state of each version.
import type { VersionStatus } from "./model.ts";

export interface HealthReport {
  /** `ok`: calls are welcome. `unavailable`: something is in the way of all of them. */
  readonly status: "ok" | "starting" | "draining" | "unavailable";
  /** What is in the way. */
  readonly reason?: string;
  /** Of the Redis servers: `ok`, or what is wrong and, in plain words, what follows. */
  readonly redis?: { readonly state: string; readonly detail: string };
  /** How models are confined; absent where none run. */
  readonly sandbox?: { readonly level: string; readonly layers: readonly string[] };
  readonly models: readonly ModelHealth[];
  /** Where several processes stand behind one port. */
  readonly processes?: readonly ProcessHealth[];
}

export interface ModelHealth {
  readonly name: string;
  readonly version: string;
  readonly state: VersionStatus["state"];
  /** Why it is not ready. */
  readonly reason?: string;
}

export interface ProcessHealth {
  readonly name: string;
  readonly pid: number;
  /** `restarting`: it has died, and the next one is not there yet. */
  readonly status: HealthReport["status"] | "restarting";
}

/** What several processes with the same models say, as one: what the best of them says, and a version is ready where it is in any. */
export function mergeHealth(reports: readonly HealthReport[]): HealthReport {
  const models = new Map<string, ModelHealth>();
  for (const model of reports.flatMap((report) => report.models)) {
    const key = `${model.name}/${model.version}`;
    if (!models.has(key) || model.state === "ready") models.set(key, model);
  }
  const best = BEST_FIRST.flatMap((status) => reports.find((report) => report.status === status) ?? [])[0];
  const redis = reports.map((report) => report.redis).find((found) => found !== undefined && found.state !== "ok") ?? best?.redis;
  return { ...(best ?? { status: "starting" }), ...(redis === undefined ? {} : { redis }), models: [...models.values()] };
}

const BEST_FIRST: readonly HealthReport["status"][] = ["ok", "starting", "unavailable", "draining"];
