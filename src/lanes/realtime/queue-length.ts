// How much of a version waits in Redis, over all gateways.
import type { RedisConnection } from "../../redis/connection.ts";
import { keys } from "../../redis/keys.ts";

/** Requests. A crash may leave a size behind; an empty queue counts from zero again. */
export async function queueLength(redis: RedisConnection, version: { readonly key: string; readonly digest: string }): Promise<number> {
  const lists = ([0, 1, 2] as const).map((priority) => redis.llen(keys.queue(version, priority)));
  const [requests, ...bundles] = await Promise.all([redis.hget(keys.queueSize(version), "requests"), ...lists]);
  return bundles.some((count) => count > 0) ? Math.max(0, Number(requests ?? 0)) : 0;
}
