// The steps that must not be torn: a bundle joins a queue only while the queue is within its bounds; which bundles a queue holds.
import type { Priority } from "../core/invocation.ts";
import type { RedisConnection } from "./connection.ts";
import { keys } from "./keys.ts";

/**
 * KEYS: the three lists of the version, the size hash. ARGV: priority, payload, requests, bytes, most requests, most bytes, expiry in
 * ms. Returns the payload's place among all that was ever pushed to its list, from 1; 0 when the queue is full. An empty queue counts
 * from zero again, whatever a crash has left in the size. Each command costs a caller several us: no more of them than it takes.
 */
const ENQUEUE = `
local list, size, pushed = KEYS[tonumber(ARGV[1]) + 1], KEYS[4], 'pushed:' .. ARGV[1]
local held = redis.call('HMGET', size, 'requests', 'bytes', pushed)
local requests, bytes, place = tonumber(held[1] or 0), tonumber(held[2] or 0), tonumber(held[3] or 0) + 1
if (requests ~= 0 or bytes ~= 0) and redis.call('EXISTS', KEYS[1], KEYS[2], KEYS[3]) == 0 then requests, bytes = 0, 0 end
requests, bytes = requests + tonumber(ARGV[3]), bytes + tonumber(ARGV[4])
if requests > tonumber(ARGV[5]) or bytes > tonumber(ARGV[6]) then return 0 end
redis.call('RPUSH', list, ARGV[2])
redis.call('HSET', size, 'requests', requests, 'bytes', bytes, pushed, place)
redis.call('PEXPIRE', list, ARGV[7])
redis.call('PEXPIRE', size, ARGV[7])
return place`;

/** KEYS: as above. Returns for each list how many were ever pushed to it and how many of them are in it still: the last ones. */
const EXTENT = `
local pushed = redis.call('HMGET', KEYS[4], 'pushed:0', 'pushed:1', 'pushed:2')
local extent = {}
for priority = 1, 3 do
  extent[#extent + 1] = tonumber(pushed[priority] or 0)
  extent[#extent + 1] = redis.call('LLEN', KEYS[priority])
end
return extent`;

/**
 * KEYS: the size hash. ARGV: requests, bytes. What left the queue is no longer counted; a size that Redis has lost stays lost, because
 * one that is made anew would count below zero and never expire.
 */
const DEQUEUED = `
if redis.call('EXISTS', KEYS[1]) == 0 then return end
redis.call('HINCRBY', KEYS[1], 'requests', -ARGV[1])
redis.call('HINCRBY', KEYS[1], 'bytes', -ARGV[2])`;

export interface EnqueueArguments {
  readonly version: QueueOf;
  readonly priority: Priority;
  readonly payload: Buffer;
  readonly requests: number;
  readonly bytes: number;
  readonly maxRequests: number;
  readonly maxBytes: number;
  readonly expireMs: number;
}

/** Of one list: how many bundles were ever pushed to it, and how many of them, the last ones, are in it still. */
export interface ListExtent {
  readonly pushed: number;
  readonly length: number;
}

type QueueOf = Parameters<typeof keys.queueSize>[0];
type QueueKeys = readonly [string, string, string, string];

interface Scripts {
  idiomEnqueue(...args: [...QueueKeys, Priority, Buffer, ...number[]]): Promise<number>;
  idiomExtent(...args: QueueKeys): Promise<number[]>;
  idiomDequeued(size: string, requests: number, bytes: number): Promise<unknown>;
}

/** Teaches the connection the scripts; call once per connection. */
export function defineScripts(redis: RedisConnection): void {
  redis.defineCommand("idiomEnqueue", { numberOfKeys: 4, lua: ENQUEUE });
  redis.defineCommand("idiomExtent", { numberOfKeys: 4, lua: EXTENT });
  redis.defineCommand("idiomDequeued", { numberOfKeys: 1, lua: DEQUEUED });
}

/** Resolves to the payload's place among all that was ever pushed to its list, from 1; null when the queue is full. */
export async function enqueue(redis: RedisConnection, args: EnqueueArguments): Promise<number | null> {
  const { version, priority, payload, requests, bytes, maxRequests, maxBytes, expireMs } = args;
  const place = await scripts(redis).idiomEnqueue(...queueKeys(version), priority, payload, requests, bytes, maxRequests, maxBytes, expireMs);
  return place === 0 ? null : place;
}

/** The lists of a version as they are now, by priority. */
export async function extentOf(redis: RedisConnection, version: QueueOf): Promise<readonly ListExtent[]> {
  const numbers = await scripts(redis).idiomExtent(...queueKeys(version));
  return [0, 1, 2].map((priority) => ({ pushed: numbers[2 * priority] ?? 0, length: numbers[2 * priority + 1] ?? 0 }));
}

/** Counts what was popped no longer as waiting. */
export async function dequeued(redis: RedisConnection, version: QueueOf, requests: number, bytes: number): Promise<void> {
  await scripts(redis).idiomDequeued(keys.queueSize(version), requests, bytes);
}

function queueKeys(version: QueueOf): QueueKeys {
  return [keys.queue(version, 0), keys.queue(version, 1), keys.queue(version, 2), keys.queueSize(version)];
}

function scripts(redis: RedisConnection): Scripts {
  return redis as unknown as Scripts;
}
