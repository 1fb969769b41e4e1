// Bundles that have left their queue and that no node claims: who took them died at that moment, or its connection broke with them.
import type { Priority } from "../../core/invocation.ts";
import type { ModelVersion } from "../../core/model.ts";
import type { RedisConnection } from "../../redis/connection.ts";
import { extentOf } from "../../redis/scripts.ts";
import { LEASE_MS } from "./membership.ts";

/** A node claims a bundle as soon as it has it. One that has not in the time of a lease is taken for gone. */
const LOST_MS = LEASE_MS;

export interface PushedBundle {
  readonly version: ModelVersion;
  readonly priority: Priority;
  /** Its place among all that was ever pushed to its list; null until Redis has taken it. */
  place: number | null;
  /** Null until a node has claimed it. */
  node: string | null;
  /** performance.now() when it was first seen to have left its queue unclaimed. */
  missingSince: number | null;
}

/**
 * Looks once after those of `bundles` that Redis has taken and nobody has claimed, and resolves with the lost ones. Costs one small
 * command for each of their versions, however much waits: a list is first in, first out, so a place tells whether a bundle has left it.
 */
export async function lostAmong<Bundle extends PushedBundle>(redis: RedisConnection, bundles: Iterable<Bundle>): Promise<Bundle[]> {
  const unclaimed = Map.groupBy(
    [...bundles].filter((bundle) => bundle.place !== null && bundle.node === null),
    ({ version }) => version,
  );
  const lost = await Promise.all([...unclaimed].map(([version, waiting]) => lostOf(redis, version, waiting)));
  return lost.flat();
}

async function lostOf<Bundle extends PushedBundle>(redis: RedisConnection, version: ModelVersion, waiting: readonly Bundle[]): Promise<Bundle[]> {
  const lists = await extentOf(redis, version);
  const now = performance.now();
  return waiting.filter((bundle) => {
    const { place, priority, node } = bundle;
    const { pushed, length } = lists[priority] as (typeof lists)[number];
    // Beyond all that was pushed: the list that it was in is gone, and another one has begun.
    const isQueued = place !== null && place > pushed - length && place <= pushed;
    if (isQueued || node !== null) return false;
    bundle.missingSince ??= now;
    return now - bundle.missingSince >= LOST_MS;
  });
}
