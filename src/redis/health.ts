// What is wrong with a Redis, in one word for machines and in plain words for people: pure, from what a probe has seen.
import { shownUrl } from "./redis-url.ts";

export const REDIS_STATES = ["ok", "slow", "connecting", "away", "refused", "read-only", "out-of-memory", "failing", "too-old"] as const;

/**
 * `slow` works; in all other states but `ok` nothing can be queued. `refused`: wrong password, missing rights, a certificate that is not
 * trusted. `failing`: it answers, but takes no writes for another reason.
 */
export type RedisState = (typeof REDIS_STATES)[number];

export interface RedisHealth {
  readonly state: RedisState;
  /** What it is and what to do; "" when all is well. */
  readonly detail: string;
}

/** What a probe has seen of the server at `url`. */
export type RedisObservation =
  | { readonly connected: false; readonly everConnected: boolean; readonly error: Error | null }
  | {
      readonly connected: true;
      /** The shortest round trip of late. */
      readonly latencyMs: number;
      /** What became of a write; null: it was taken. */
      readonly error: Error | null;
      /** INFO of each server; empty where we may not ask. */
      readonly info: readonly string[];
    };

/** Beyond this, calls through Redis take noticeably longer than the models need. */
const SLOW_MS = 50;
/** The first version with BLMPOP. */
const OLDEST_MAJOR = 7;

/** Whether work can be queued in it. */
export function isUsable(state: RedisState): boolean {
  return state === "ok" || state === "slow";
}

export function judge(url: string, seen: RedisObservation): RedisHealth {
  const redis = `Redis at ${shownUrl(url)}`;
  if (seen.error !== null) return judgeError(redis, seen, seen.error);
  if (!seen.connected) return seen.everConnected ? away(redis, "it closes the connection") : { state: "connecting", detail: `${redis} has not answered yet` };
  const version = seen.info.map(versionOf).find((text) => text !== "" && Number.parseInt(text, 10) < OLDEST_MAJOR);
  if (version !== undefined) return { state: "too-old", detail: `${redis} is version ${version}; Idiom needs Redis or Valkey ${OLDEST_MAJOR} or newer` };
  if (seen.latencyMs > SLOW_MS)
    return {
      state: "slow",
      detail: `${redis} takes ${Math.round(seen.latencyMs)} ms to answer, and each call through it several times that; look at its load and the network`,
    };
  return { state: "ok", detail: "" };
}

/** Why a command came to nothing: the server's words, or that it is away; the client's own words would tell nobody anything. */
export function whyFailed(error: Error): string {
  return error.name === "ReplyError" ? `Redis says: ${error.message}` : "Redis is away";
}

function judgeError(redis: string, seen: RedisObservation, error: Error): RedisHealth {
  const message = causeOf(error);
  if (/\b(WRONGPASS|NOAUTH|NOPERM)\b|without any password configured/.test(message))
    return { state: "refused", detail: `${redis} refuses us: ${message}; correct the user and password of its URL, or the rights of that user` };
  if (/certificate|\bSSL\b|\bTLS\b|altnames/i.test(message))
    return { state: "refused", detail: `${redis}: TLS: ${message}; see IDIOM_REDIS_CA, IDIOM_REDIS_CERT and IDIOM_REDIS_KEY` };
  if (message.startsWith("LOADING")) return { state: "connecting", detail: `${redis} is still reading what it had written` };
  if (message.startsWith("READONLY"))
    return { state: "read-only", detail: `${redis} is a replica and takes no writes; name the primary in its URL, or the sentinels, which follow it` };
  if (message.startsWith("OOM"))
    return {
      state: "out-of-memory",
      detail: `${redis} has reached its maxmemory${memoryOf(seen)} and takes no writes; raise maxmemory, or find what fills it`,
    };
  if (seen.connected) return { state: "failing", detail: `${redis} takes no writes: ${message}` };
  return away(redis, message);
}

function away(redis: string, why: string): RedisHealth {
  return { state: "away", detail: `${redis} cannot be reached: ${why}; look whether it runs and can be reached from here` };
}

/** The client's words around the cause change with every try. */
function causeOf(error: Error): string {
  const { lastNodeError } = error as { lastNodeError?: Error };
  const message = lastNodeError?.message ?? error.message;
  return (/^All sentinels are unreachable.*?(?:Last error: (.*))?$/s.exec(message)?.[1] ?? message).split("\n")[0] as string;
}

function versionOf(info: string): string {
  return /^redis_version:(\S+)/m.exec(info)?.[1] ?? "";
}

function memoryOf(seen: RedisObservation): string {
  const limits = seen.connected ? seen.info.flatMap((info) => /^maxmemory_human:(\S+)/m.exec(info)?.[1] ?? []) : [];
  return limits.length === 0 ? "" : ` of ${limits.join(", ")}`;
}
