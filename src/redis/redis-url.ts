// The URLs that name a Redis: one server, a socket, Sentinel or a cluster.
import { IdiomError } from "../core/errors.ts";

export interface RedisUrl {
  readonly kind: "single" | "sentinel" | "cluster" | "unix";
  readonly hosts: { readonly host: string; readonly port: number }[];
  readonly username: string;
  readonly password: string;
  /** The database, the master's name or the socket's path. */
  readonly path: string;
  readonly tls: boolean;
}

const KINDS: Record<string, RedisUrl["kind"]> = {
  redis: "single",
  rediss: "single",
  unix: "unix",
  "redis+sentinel": "sentinel",
  "rediss+sentinel": "sentinel",
  "redis+cluster": "cluster",
  "rediss+cluster": "cluster",
};

/**
 * `redis://[user:password@]host:port[/db]`, `unix://[user:password@]/path`, `redis+sentinel://[user:password@]host:port,host:port/master`,
 * `redis+cluster://[user:password@]host:port,host:port`; with TLS `rediss` instead of `redis`.
 * @throws IdiomError CONFIG_INVALID when the URL is none of these.
 */
export function parseRedisUrl(url: string): RedisUrl {
  const match = /^([a-z+]+):\/\/(?:([^:@/]*)(?::([^@/]*))?@)?([^@/]*)(?:\/(.*))?$/.exec(url);
  const kind = KINDS[match?.[1] ?? ""];
  if (match === null || kind === undefined)
    throw noRedisUrl(url, "write redis://, unix://, redis+sentinel:// or redis+cluster://; with TLS rediss instead of redis");
  const [, scheme, username = "", password = "", hosts = "", path = ""] = match;
  const parsed: RedisUrl = {
    kind,
    hosts: hosts
      .split(",")
      .filter(Boolean)
      .map((host) => parseHost(url, host, kind)),
    username: decoded(url, username),
    password: decoded(url, password),
    path: kind === "unix" ? `/${path}` : path,
    tls: scheme?.startsWith("rediss") === true,
  };
  if (!isWhole(parsed)) throw noRedisUrl(url, FORMS[kind]);
  return parsed;
}

const FORMS: Record<RedisUrl["kind"], string> = {
  single: "one server is redis://[user:password@]host:port[/db], with a number as the database",
  unix: "a socket is unix:///path",
  sentinel: "Sentinel is redis+sentinel://host:port,host:port/master",
  cluster: "a cluster is redis+cluster://host:port,host:port",
};

function isWhole({ kind, hosts, path }: RedisUrl): boolean {
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

function parseHost(url: string, text: string, kind: RedisUrl["kind"]): { host: string; port: number } {
  const match = /^(?:\[([^[\]]+)\]|([^:[\]]+))(?::(\d{1,5}))?$/.exec(text);
  const port = Number(match?.[3] ?? (kind === "sentinel" ? 26379 : 6379));
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

/** A URL as it may be shown: without user and password. */
export function shownUrl(url: string): string {
  return url.replace(/\/\/.*@/s, "//");
}
