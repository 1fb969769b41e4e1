// Which Redis this process uses: the one that the operator names, or one that Idiom starts.
import type { Logger } from "pino";
import { findTool } from "../../workers/runtimes.ts";
import type { Config } from "../config/config.ts";
import { IdiomError } from "../core/errors.ts";
import { startEmbeddedRedis } from "../redis/embedded.ts";

export interface RedisServer {
  readonly url: string;
  /** Ends it if it is ours. */
  stop(): Promise<void>;
}

/** The Redis of the realtime lane; null when none is named and none is installed: then this process serves on its own. */
export async function realtimeRedis(config: Config, log: Logger): Promise<RedisServer | null> {
  const url = config.realtimeRedisUrl ?? config.redisUrl;
  if (url !== undefined) return { url, stop: () => Promise.resolve() };
  try {
    return await startEmbeddedRedis(findServer(config.data), null);
  } catch (error) {
    log.warn(`no Redis: this process serves on its own, without other gateways and workers (${IdiomError.from(error).message})`);
    return null;
  }
}

function findServer(data: string): string {
  try {
    return findTool("valkey-server", data);
  } catch {
    return findTool("redis-server", data);
  }
}
