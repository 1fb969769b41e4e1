import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { judge, type RedisObservation, whyFailed } from "../../../src/redis/health.ts";

const URL = "redis://me:secret@cache:6379";
const WELL: RedisObservation = {
  connected: true,
  latencyMs: 0.2,
  error: null,
  info: ["# Server\r\nredis_version:7.0.15\r\n# Memory\r\nmaxmemory_human:64.00M\r\n"],
};
const lost = (error: Error | null, everConnected = true): RedisObservation => ({ connected: false, everConnected, error });

describe("a Redis is", () => {
  const cases: readonly [what: string, seen: RedisObservation, state: string, detail: RegExp][] = [
    ["well", WELL, "ok", /^$/],
    ["well without the right to ask how it is", { ...WELL, info: [""] }, "ok", /^$/],
    ["slow", { ...WELL, latencyMs: 101.4 }, "slow", /takes 101 ms to answer/],
    ["not there yet", lost(null, false), "connecting", /has not answered yet/],
    ["away from the start", lost(new Error("connect ECONNREFUSED 10.0.0.5:6379"), false), "away", /cannot be reached: connect ECONNREFUSED 10\.0\.0\.5:6379;/],
    ["away without a word", lost(null), "away", /cannot be reached: it closes the connection;/],
    [
      "away behind sentinels",
      lost(new Error("All sentinels are unreachable. Retrying from scratch after 10ms. Last error: no route")),
      "away",
      /cannot be reached: no route;/,
    ],
    [
      "away as a cluster",
      lost(Object.assign(new Error("Failed to refresh slots cache."), { lastNodeError: new Error("no route") })),
      "away",
      /cannot be reached: no route;/,
    ],
    ["still loading", { ...WELL, error: new Error("LOADING Redis is loading the dataset in memory") }, "connecting", /still reading/],
    ["behind another password", lost(new Error("WRONGPASS invalid username-password pair")), "refused", /refuses us: WRONGPASS/],
    ["closed to whom names no password", lost(new Error("NOAUTH HELLO must be called with the client already authenticated")), "refused", /refuses us: NOAUTH/],
    ["closed to us", { ...WELL, error: new Error("NOPERM this user has no permissions to run the 'set' command") }, "refused", /rights of that user/],
    ["not trusted", lost(new Error("self-signed certificate in certificate chain")), "refused", /IDIOM_REDIS_CA/],
    ["a replica", { ...WELL, error: new Error("READONLY You can't write against a read only replica.") }, "read-only", /name the primary/],
    ["full", { ...WELL, error: new Error("OOM command not allowed when used memory > 'maxmemory'.") }, "out-of-memory", /maxmemory of 64\.00M/],
    [
      "without a disk",
      { ...WELL, error: new Error("MISCONF Errors writing to the AOF file: No space left on device") },
      "failing",
      /takes no writes: MISCONF .*No space/,
    ],
    ["too old", { ...WELL, info: ["redis_version:6.2.14\r\n"] }, "too-old", /is version 6\.2\.14; Idiom needs Redis or Valkey 7/],
    ["too old on one server of a cluster", { ...WELL, info: ["redis_version:7.2.0\r\n", "redis_version:6.2.14\r\n"] }, "too-old", /6\.2\.14/],
  ];
  for (const [what, seen, state, detail] of cases)
    test(what, () => {
      const health = judge(URL, seen);
      assert.equal(health.state, state);
      assert.match(health.detail, detail);
      assert.doesNotMatch(health.detail, /secret/);
    });
});

test("a command that came to nothing is told in the server's words, or in ours, never in the client's", () => {
  const refused = Object.assign(new Error("OOM command not allowed"), { name: "ReplyError" });
  const lost = new Error("Stream isn't writeable and enableOfflineQueue options is false");
  assert.deepEqual([refused, lost].map(whyFailed), ["Redis says: OOM command not allowed", "Redis is away"]);
});
