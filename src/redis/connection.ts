// Connections to Redis: to a single server, through Sentinel, or to a cluster.
import { readFileSync } from "node:fs";
import type { ConnectionOptions } from "node:tls";
import { Cluster, Redis, type RedisOptions } from "ioredis";
import { IdiomError } from "../core/errors.ts";
import { parseRedisUrl, type RedisUrl } from "./redis-url.ts";

export type RedisConnection = Redis | Cluster;

/** Which Redis, and what it takes to get in. */
export interface RedisServer {
  /** As `parseRedisUrl` takes it. */
  readonly url: string;
  readonly tls: TlsFiles;
  /** Who we are to the sentinels, which know other users than the servers. */
  readonly sentinel: { readonly username: string | null; readonly password: string | null };
}

/** Paths of PEM files: the authority that has signed the server's certificate, and our own certificate with its key. */
export interface TlsFiles {
  readonly caFile: string | null;
  readonly certFile: string | null;
  readonly keyFile: string | null;
}

/** A server that the URL alone leads to. */
export function serverAt(url: string): RedisServer {
  return { url, tls: { caFile: null, certFile: null, keyFile: null }, sentinel: { username: null, password: null } };
}

/** `commands` answer at once or fail; `blocking` wait in the server and have a connection of their own. */
export type ConnectionUse = "commands" | "blocking";

/**
 * A server that has begun no answer for so long is as good as gone: it hangs, or the network has dropped the connection without a word.
 * (The client's own detector of failovers ends a connection for good when it fires while that connects.)
 */
const SILENT_MS: Record<ConnectionUse, number> = { commands: 5_000, blocking: 15_000 };
/** A primary that became a replica is left at most this often; its name may soon lead to another. */
const LEAVE_REPLICA_MS = 2_000;

/**
 * Connects in the background, and again with growing delays whenever the connection is lost.
 * @throws IdiomError CONFIG_INVALID when the URL is none, or a file of `tls` cannot be read.
 */
export function connect(server: RedisServer, use: ConnectionUse): RedisConnection {
  const url = parseRedisUrl(server.url);
  const connection = open(url, optionsFor(use, url, server.tls), server);
  // Without a listener a lost connection would end the process; its state is asked for where it matters.
  connection.on("error", () => {});
  return connection;
}

function optionsFor(use: ConnectionUse, { username, password, tls }: RedisUrl, files: TlsFiles) {
  let leftAt = Number.NEGATIVE_INFINITY;
  return {
    ...(username === "" ? {} : { username }),
    ...(password === "" ? {} : { password }),
    ...(tls ? { tls: tlsOptions(files) } : {}),
    retryStrategy: reconnectDelay,
    enableReadyCheck: true,
    // A command that cannot go out fails at once: what waits for it has a deadline and other ways.
    enableOfflineQueue: use === "blocking",
    maxRetriesPerRequest: use === "blocking" ? null : 0,
    // The client settles no command that waited when the connection was lost: one that blocks goes out again, or its caller would wait for ever.
    autoResendUnfulfilledCommands: use === "blocking",
    socketTimeout: SILENT_MS[use],
    reconnectOnError(error: Error) {
      const now = performance.now();
      if (!error.message.startsWith("READONLY") || now - leftAt < LEAVE_REPLICA_MS) return false;
      leftAt = now;
      return true;
    },
  } satisfies RedisOptions;
}

function tlsOptions({ caFile, certFile, keyFile }: TlsFiles): ConnectionOptions {
  return {
    ...(caFile === null ? {} : { ca: readPem("redisTls.caFile (IDIOM_REDIS_CA)", caFile) }),
    ...(certFile === null ? {} : { cert: readPem("redisTls.certFile (IDIOM_REDIS_CERT)", certFile) }),
    ...(keyFile === null ? {} : { key: readPem("redisTls.keyFile (IDIOM_REDIS_KEY)", keyFile) }),
  };
}

function readPem(setting: string, file: string): Buffer {
  try {
    return readFileSync(file);
  } catch (error) {
    throw new IdiomError("CONFIG_INVALID", `${setting}: ${(error as Error).message}`);
  }
}

/** 50 ms, doubling to 2 s. */
function reconnectDelay(attempt: number): number {
  return Math.min(2000, 50 * 2 ** Math.min(attempt - 1, 6));
}

type Options = ReturnType<typeof optionsFor>;

function open({ kind, hosts, path }: RedisUrl, options: Options, { sentinel }: RedisServer): RedisConnection {
  switch (kind) {
    case "unix":
      return new Redis({ ...options, path });
    case "sentinel":
      return new Redis({
        ...options,
        sentinels: hosts,
        name: path,
        ...(sentinel.username === null ? {} : { sentinelUsername: sentinel.username }),
        ...(sentinel.password === null ? {} : { sentinelPassword: sentinel.password }),
        ...("tls" in options ? { sentinelTLS: options.tls, enableTLSForSentinelMode: true } : {}),
      });
    case "cluster": {
      const { enableOfflineQueue, ...redisOptions } = options;
      return new Cluster(hosts, { clusterRetryStrategy: reconnectDelay, enableOfflineQueue, redisOptions });
    }
    case "single": {
      const [first = { host: "127.0.0.1", port: 6379 }] = hosts;
      return new Redis({ ...options, ...first, db: path === "" ? 0 : Number(path) });
    }
  }
}
