// Which Redis this process uses: the one that the operator names, or servers that Idiom starts.
import { join } from "node:path";
import type { Logger } from "pino";
import { findTool } from "../../workers/runtimes.ts";
import type { Config } from "../config/config.ts";
import { IdiomError } from "../core/errors.ts";
import type { RedisServer } from "../redis/connection.ts";
import { type EmbeddedRedis, redisVersion, startEmbeddedRedis } from "../redis/embedded.ts";
import { checkLocked } from "../redis/locked.ts";

export interface RedisServers {
  /** For the realtime lane; it keeps nothing. Null where nobody can join this process. */
  readonly realtime: RedisServer | null;
  /** For jobs and the registry; what it holds outlives it. Null where no Redis is installed. */
  readonly durable: RedisServer | null;
  /** What is missing, and the command that brings it; null when nothing is. */
  readonly problem: string | null;
  /** Ends those that are ours. */
  stop(): Promise<void>;
}

/**
 * The servers that the operator names, and ours for what nobody names. `realtime`: whether the realtime lane needs one, because
 * something can join this process; a process on its own has nothing to gain from a detour.
 * @throws IdiomError MODEL_NOT_READY when the realtime lane needs one of ours and none is installed, CONFIG_INVALID when one does not start.
 */
export async function openRedis(config: Config, { realtime }: { readonly realtime: boolean }, log: Logger): Promise<RedisServers> {
  namedRedis(config); // Before anything is started.
  const { redisUrl, realtimeRedisUrl = redisUrl } = config;
  const wanted = { realtime: realtimeRedisUrl === undefined && realtime, durable: redisUrl === undefined };
  const found = wanted.realtime || wanted.durable ? await findRedisServer(config.data) : null;
  if (found?.ok === false && wanted.realtime) throw new IdiomError("MODEL_NOT_READY", found.problem);
  const start = (persistFolder: string | null): Promise<EmbeddedRedis> | null =>
    found?.ok === true ? startEmbeddedRedis(found.program, persistFolder, log) : null;
  const starting = [wanted.realtime ? start(null) : null, wanted.durable ? start(join(config.state, "redis")) : null];
  const settled = await Promise.allSettled(starting);
  const stop = async (): Promise<void> => {
    await Promise.all(settled.map((result) => (result.status === "fulfilled" ? result.value?.stop() : null)));
  };
  const failed = settled.find((result) => result.status === "rejected");
  if (failed !== undefined) {
    await stop();
    throw failed.reason;
  }
  const [ours, durable] = settled.map((result) => (result.status === "fulfilled" ? result.value : null));
  return {
    realtime: named(config, realtimeRedisUrl) ?? ours?.server ?? null,
    durable: named(config, redisUrl) ?? durable?.server ?? null,
    problem: found?.ok === false ? `no jobs can be run: ${found.problem}` : null,
    stop,
  };
}

/** The server that the roles `gateway` and `worker` meet at. @throws IdiomError CONFIG_INVALID when none is named */
export function sharedRedis(config: Config, role: string): RedisServer {
  namedRedis(config); // Before anything is connected.
  const server = named(config, config.realtimeRedisUrl ?? config.redisUrl);
  if (server === null)
    throw new IdiomError("CONFIG_INVALID", `a ${role} meets the others in Redis: name it with IDIOM_REDIS_URL, as in redis://127.0.0.1:6379`);
  return server;
}

/** The servers that the operator names, each once. @throws IdiomError CONFIG_INVALID as above */
export function namedRedis(config: Config): RedisServer[] {
  return [...new Set([config.redisUrl, config.realtimeRedisUrl])].flatMap((url) => named(config, url) ?? []);
}

/** The server for jobs of a process that starts none; null when none is named. */
export function jobsRedis(config: Config): RedisServer | null {
  return named(config, config.redisUrl);
}

export type FoundRedisServer = { readonly ok: true; readonly program: string; readonly version: string } | { readonly ok: false; readonly problem: string };

/** The program that Idiom would start: valkey-server or redis-server of this machine, or what it lacks and the command that brings it. */
export async function findRedisServer(data: string): Promise<FoundRedisServer> {
  try {
    const program = findServer(data);
    return { ok: true, program, version: await redisVersion(program) };
  } catch (error) {
    return { ok: false, problem: (error as Error).message };
  }
}

function findServer(data: string): string {
  try {
    return findTool("valkey-server", data);
  } catch {
    return findTool("redis-server", data);
  }
}

/** @throws IdiomError CONFIG_INVALID where it is on another machine and not locked. */
function named({ redisTls, redisSentinel, redisInsecure }: Config, url: string | undefined): RedisServer | null {
  if (url === undefined) return null;
  const server: RedisServer = { url, tls: redisTls, sentinel: redisSentinel };
  checkLocked(server, redisInsecure);
  return server;
}
