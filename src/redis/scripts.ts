// The one step that must not be torn: a bundle joins a queue only while the queue is within its bounds.
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

type Enqueue = (list: string, size: string, a: string, b: string, c: string, payload: Buffer, ...numbers: number[]) => Promise<number>;

/** Teaches the connection the script; call once per connection. */
export function defineScripts(redis: RedisConnection): void {
  redis.defineCommand("idiomEnqueue", { numberOfKeys: 5, lua: ENQUEUE });
}

/** Resolves to false when the queue is full. */
export async function enqueue(redis: RedisConnection, args: EnqueueArguments): Promise<boolean> {
  const command = (redis as unknown as { idiomEnqueue: Enqueue }).idiomEnqueue;
  const pushed = await command.call(
    redis,
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
