// The steps that must not be torn: a bundle joins a queue only while the queue is within its bounds, and leaves it.
import type { RedisConnection } from "./connection.ts";

/**
 * KEYS: the list to push to, the size hash, the three lists of the version. ARGV: payload, requests, bytes, most requests, most
 * bytes, expiry in ms. Returns 1 when pushed, 0 when the queue is full. An empty queue counts from zero again, whatever a
 * crash has left in the size.
 */
const ENQUEUE = `
if redis.call('LLEN', KEYS[3]) + redis.call('LLEN', KEYS[4]) + redis.call('LLEN', KEYS[5]) == 0 then redis.call('DEL', KEYS[2]) end
local requests = tonumber(redis.call('HGET', KEYS[2], 'requests') or '0') + tonumber(ARGV[2])
local bytes = tonumber(redis.call('HGET', KEYS[2], 'bytes') or '0') + tonumber(ARGV[3])
if requests > tonumber(ARGV[4]) or bytes > tonumber(ARGV[5]) then return 0 end
redis.call('RPUSH', KEYS[1], ARGV[1])
redis.call('HSET', KEYS[2], 'requests', requests, 'bytes', bytes)
redis.call('PEXPIRE', KEYS[1], ARGV[6])
redis.call('PEXPIRE', KEYS[2], ARGV[6])
return 1`;

/**
 * KEYS: the size hash. ARGV: requests, bytes. What left the queue is no longer counted; a size that Redis has lost stays lost, because
 * one that is made anew would count below zero and never expire.
 */
const DEQUEUED = `
if redis.call('EXISTS', KEYS[1]) == 0 then return end
redis.call('HINCRBY', KEYS[1], 'requests', -ARGV[1])
redis.call('HINCRBY', KEYS[1], 'bytes', -ARGV[2])`;

/** KEYS: a list. ARGV: payload, expiry in ms. The payload is the list's first again. */
const PUT_BACK = `
redis.call('LPUSH', KEYS[1], ARGV[1])
redis.call('PEXPIRE', KEYS[1], ARGV[2])`;

export interface EnqueueArguments {
  readonly list: string;
  readonly size: string;
  readonly lists: readonly [string, string, string];
  readonly payload: Buffer;
  readonly requests: number;
  readonly bytes: number;
  readonly maxRequests: number;
  readonly maxBytes: number;
  readonly expireMs: number;
}

interface Scripts {
  idiomEnqueue(list: string, size: string, a: string, b: string, c: string, payload: Buffer, ...numbers: number[]): Promise<number>;
  idiomDequeued(size: string, requests: number, bytes: number): Promise<unknown>;
  idiomPutBack(list: Buffer, payload: Buffer, expireMs: number): Promise<unknown>;
}

/** Teaches the connection the script; call once per connection. */
export function defineScripts(redis: RedisConnection): void {
  redis.defineCommand("idiomEnqueue", { numberOfKeys: 5, lua: ENQUEUE });
  redis.defineCommand("idiomDequeued", { numberOfKeys: 1, lua: DEQUEUED });
  redis.defineCommand("idiomPutBack", { numberOfKeys: 1, lua: PUT_BACK });
}

/** Resolves to false when the queue is full. */
export async function enqueue(redis: RedisConnection, args: EnqueueArguments): Promise<boolean> {
  const pushed = await scripts(redis).idiomEnqueue(
    args.list,
    args.size,
    ...args.lists,
    args.payload,
    args.requests,
    args.bytes,
    args.maxRequests,
    args.maxBytes,
    args.expireMs,
  );
  return pushed === 1;
}

/** Counts what was popped no longer as waiting. */
export async function dequeued(redis: RedisConnection, size: string, requests: number, bytes: number): Promise<void> {
  await scripts(redis).idiomDequeued(size, requests, bytes);
}

/** Puts a payload that was popped back before all others. */
export async function putBack(redis: RedisConnection, list: Buffer, payload: Buffer, expireMs: number): Promise<void> {
  await scripts(redis).idiomPutBack(list, payload, expireMs);
}

function scripts(redis: RedisConnection): Scripts {
  return redis as unknown as Scripts;
}
