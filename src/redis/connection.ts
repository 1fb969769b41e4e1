// Connections to Redis, by URL: a single server, Sentinel or Cluster.
import { Cluster, Redis, type RedisOptions } from "ioredis";
import { IdiomError } from "../core/errors.ts";

export type RedisConnection = Redis | Cluster;

/** `commands` answer at once or fail; `blocking` wait in the server and have a connection of their own. */
export type ConnectionUse = "commands" | "blocking";

/**
 * Connects to `url`:
 * `redis://[user:password@]host:port[/db]`, `rediss://` with TLS, `unix:///path`,
 * `redis+sentinel://[user:password@]host:port,host:port/master`, `redis+cluster://[user:password@]host:port,host:port`.
 * It connects in the background and again, with growing delays, whenever the connection is lost.
 * @throws IdiomError CONFIG_INVALID when the URL is none of these.
 */
export function connect(url: string, use: ConnectionUse): RedisConnection {
  const parsed = parseRedisUrl(url);
  const options = optionsFor(use, parsed);
  const connection = open(parsed, options);
  // Without a listener a lost connection would end the process; its state is asked for where it matters.
  connection.on("error", () => {});
  return connection;
}

interface ParsedUrl {
  readonly kind: "single" | "sentinel" | "cluster" | "unix";
  readonly hosts: { readonly host: string; readonly port: number }[];
  readonly username: string;
  readonly password: string;
  /** The database, the master's name or the socket's path. */
  readonly path: string;
  readonly tls: boolean;
}

const KINDS: Record<string, ParsedUrl["kind"]> = { redis: "single", rediss: "single", unix: "unix", "redis+sentinel": "sentinel", "redis+cluster": "cluster" };

/** @throws IdiomError CONFIG_INVALID */
export function parseRedisUrl(url: string): ParsedUrl {
  const match = /^([a-z+]+):\/\/(?:([^:@/]*)(?::([^@/]*))?@)?([^@/]*)(?:\/(.*))?$/.exec(url);
  const kind = KINDS[match?.[1] ?? ""];
  if (match === null || kind === undefined) throw noRedisUrl(url, "write redis://, rediss://, unix://, redis+sentinel:// or redis+cluster://");
  const [, scheme, username = "", password = "", hosts = "", path = ""] = match;
  const parsed: ParsedUrl = {
    kind,
    hosts: hosts
      .split(",")
      .filter(Boolean)
      .map((host) => parseHost(url, host)),
    username: decoded(url, username),
    password: decoded(url, password),
    path: kind === "unix" ? `/${path}` : path,
    tls: scheme === "rediss",
  };
  if (!isWhole(parsed)) throw noRedisUrl(url, FORMS[kind]);
  return parsed;
}

const FORMS: Record<ParsedUrl["kind"], string> = {
  single: "one server is redis://[user:password@]host:port[/db], with a number as the database",
  unix: "a socket is unix:///path",
  sentinel: "Sentinel is redis+sentinel://host:port,host:port/master",
  cluster: "a cluster is redis+cluster://host:port,host:port",
};

function isWhole({ kind, hosts, path }: ParsedUrl): boolean {
  switch (kind) {
    case "single":
      return hosts.length <= 1 && /^\d*$/.test(path);
    case "unix":
      return hosts.length === 0 && path !== "/";
    case "sentinel":
      return hosts.length > 0 && path !== "";
    case "cluster":
      return hosts.length > 0 && path === "";
  }
}

/** A URL that is wrong may have its password anywhere before the last @. */
function noRedisUrl(url: string, rather: string): IdiomError {
  return new IdiomError("CONFIG_INVALID", `"${url.replace(/\/\/.*@/s, "//***@")}" is no Redis URL; ${rather}`);
}

function parseHost(url: string, text: string): { host: string; port: number } {
  const match = /^(?:\[([^[\]]+)\]|([^:[\]]+))(?::(\d{1,5}))?$/.exec(text);
  const port = Number(match?.[3] ?? 6379);
  if (match === null || port < 1 || port > 65535)
    throw noRedisUrl(url, "a host is a name or an address, then a port from 1 to 65535, as in cache:6379 or [::1]:6379");
  return { host: (match[1] ?? match[2]) as string, port };
}

function decoded(url: string, text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    throw noRedisUrl(url, "user and password are percent-encoded: % itself is %25");
  }
}

function optionsFor(use: ConnectionUse, { username, password, tls }: ParsedUrl) {
  return {
    ...(username === "" ? {} : { username }),
    ...(password === "" ? {} : { password }),
    ...(tls ? { tls: {} } : {}),
    retryStrategy: reconnectDelay,
    enableReadyCheck: true,
    // A command that cannot go out fails at once: what waits for it has a deadline and other ways.
    enableOfflineQueue: use === "blocking",
    maxRetriesPerRequest: use === "blocking" ? null : 0,
    enableAutoPipelining: use === "commands",
    // The client settles no command that waited when the connection was lost: one that blocks goes out again, or its caller would wait for ever.
    autoResendUnfulfilledCommands: use === "blocking",
  } satisfies RedisOptions;
}

/** 50 ms, doubling to 2 s. */
function reconnectDelay(attempt: number): number {
  return Math.min(2000, 50 * 2 ** Math.min(attempt - 1, 6));
}

function open({ kind, hosts, path }: ParsedUrl, options: ReturnType<typeof optionsFor>): RedisConnection {
  switch (kind) {
    case "unix":
      return new Redis({ ...options, path });
    case "sentinel":
      return new Redis({ ...options, sentinels: hosts, name: path, ...("password" in options ? { sentinelPassword: options.password } : {}) });
    case "cluster":
      return new Cluster(hosts, { clusterRetryStrategy: reconnectDelay, enableOfflineQueue: options.enableOfflineQueue, redisOptions: options });
    case "single": {
      const [first = { host: "127.0.0.1", port: 6379 }] = hosts;
      return new Redis({ ...options, ...first, db: path === "" ? 0 : Number(path) });
    }
  }
}
