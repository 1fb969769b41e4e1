// What a process says of its Redis.
import { setTimeout as delay } from "node:timers/promises";

const LOOK_AGAIN_MS = 50;

export interface HealthReport {
  readonly code: number;
  readonly status: string;
  readonly redis: { readonly state: string; readonly detail: string };
}

export async function healthOf(http: string): Promise<HealthReport> {
  const response = await fetch(`${http}/healthz`);
  return { code: response.status, ...((await response.json()) as Omit<HealthReport, "code">) };
}

/** Resolves with the report once its Redis is in this state. */
export async function redisBecomes(http: string, state: string): Promise<HealthReport> {
  while (true) {
    const report = await healthOf(http);
    if (report.redis.state === state) return report;
    await delay(LOOK_AGAIN_MS);
  }
}
