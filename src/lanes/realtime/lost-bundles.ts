// Bundles that have left their queue and that no node claims: who took them died at that moment, or its connection broke with them.
import type { RedisConnection } from "../../redis/connection.ts";
import type { QueueName } from "../../redis/keys.ts";
import { extentOf } from "../../redis/scripts.ts";
import { LEASE_MS } from "./membership.ts";
import type { QueuePlace } from "./queue-of.ts";

/** A node claims a bundle within milliseconds. One that has not in the time of a lease is taken for gone. */
const LOST_MS = LEASE_MS;

export interface PushedBundle extends QueuePlace {
  /** Its place among all that was ever pushed to its list; null until Redis has taken it. */
  place: number | null;
  /** Null until a node has claimed it. */
  node: string | null;
  /** performance.now() when it was first seen to have left its queue unclaimed. */
  missingSince: number | null;
}

/**
 * Looks once after those of `bundles` that Redis has taken and nobody has claimed, and resolves with the lost ones. Costs one small
 * command for each of their queues, however much waits: a list is first in, first out, so a place tells whether a bundle has left it.
 */
export async function lostAmong<Bundle extends PushedBundle>(redis: RedisConnection, bundles: Iterable<Bundle>): Promise<Bundle[]> {
  const unclaimed = Map.groupBy(
    [...bundles].filter((bundle) => bundle.place !== null && bundle.node === null),
    ({ queue }) => queue,
  );
  const lost = await Promise.all([...unclaimed].map(([queue, waiting]) => lostOf(redis, queue, waiting)));
  return lost.flat();
}

async function lostOf<Bundle extends PushedBundle>(redis: RedisConnection, queue: QueueName, waiting: readonly Bundle[]): Promise<Bundle[]> {
  const lists = await extentOf(redis, queue);
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
