// Which Redis the realtime lane of this process uses: the one that the operator names, or one that Idiom starts.
import { findTool } from "../../workers/runtimes.ts";
import type { Config } from "../config/config.ts";
import { IdiomError } from "../core/errors.ts";
import { startEmbeddedRedis } from "../redis/embedded.ts";

export interface RedisServer {
  readonly url: string;
  /** Ends it if it is ours. */
  stop(): Promise<void>;
}

/**
 * Null without a named one: a process that nobody can join has nothing to gain from a detour, and serves on its own. Only one that is
 * told never to take the direct path gets a Redis of its own.
 * @throws IdiomError MODEL_NOT_READY when it needs its own and none is installed.
 */
export async function realtimeRedis(config: Config): Promise<RedisServer | null> {
  const url = config.realtimeRedisUrl ?? config.redisUrl;
  if (url !== undefined) return { url, stop: () => Promise.resolve() };
  return config.lanes.realtime.direct ? null : startEmbeddedRedis(findServer(config.data), null);
}

/** The URL that the roles `gateway` and `worker` meet at. @throws IdiomError CONFIG_INVALID without one */
export function sharedRedisUrl(config: Config, role: string): string {
  const url = config.realtimeRedisUrl ?? config.redisUrl;
  if (url === undefined)
    throw new IdiomError("CONFIG_INVALID", `a ${role} meets the others in Redis: name it with IDIOM_REDIS_URL, as in redis://127.0.0.1:6379`);
  return url;
}

function findServer(data: string): string {
  try {
    return findTool("valkey-server", data);
  } catch {
    return findTool("redis-server", data);
  }
}
