import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { parseRedisUrl } from "../../../src/redis/redis-url.ts";
import { idiomError } from "../../support/idiom-error.ts";

const SINGLE = { kind: "single", username: "", password: "", path: "", tls: false };

describe("the forms of a Redis URL", () => {
  const urls: Record<string, object> = {
    "redis://": { ...SINGLE, hosts: [] },
    "redis://cache": { ...SINGLE, hosts: [{ host: "cache", port: 6379 }] },
    "redis://10.0.0.1:7000/3": { ...SINGLE, hosts: [{ host: "10.0.0.1", port: 7000 }], path: "3" },
    "redis://[::1]:7000": { ...SINGLE, hosts: [{ host: "::1", port: 7000 }] },
    "redis://[fe80::2]": { ...SINGLE, hosts: [{ host: "fe80::2", port: 6379 }] },
    "redis://:secret@cache": { ...SINGLE, hosts: [{ host: "cache", port: 6379 }], password: "secret" },
    "redis://me:s%40cr%2Fet%3A@cache:1": { ...SINGLE, hosts: [{ host: "cache", port: 1 }], username: "me", password: "s@cr/et:" },
    "rediss+sentinel://a/main": { ...SINGLE, kind: "sentinel", hosts: [{ host: "a", port: 26379 }], path: "main", tls: true },
    "rediss+cluster://a": { ...SINGLE, kind: "cluster", hosts: [{ host: "a", port: 6379 }], tls: true },
    "rediss://cache": { ...SINGLE, hosts: [{ host: "cache", port: 6379 }], tls: true },
    "unix:///run/redis/redis.sock": { ...SINGLE, kind: "unix", hosts: [], path: "/run/redis/redis.sock" },
    "unix://:secret@/run/redis.sock": { ...SINGLE, kind: "unix", hosts: [], password: "secret", path: "/run/redis.sock" },
    "redis+sentinel://:secret@a,b:26380/main": {
      ...SINGLE,
      kind: "sentinel",
      hosts: [
        { host: "a", port: 26379 },
        { host: "b", port: 26380 },
      ],
      password: "secret",
      path: "main",
    },
    "redis+cluster://a:1,b:2": {
      ...SINGLE,
      kind: "cluster",
      hosts: [
        { host: "a", port: 1 },
        { host: "b", port: 2 },
      ],
    },
  };
  for (const [url, parsed] of Object.entries(urls)) test(url, () => assert.deepEqual(parseRedisUrl(url), parsed));
});

describe("what is no Redis URL stops the start", () => {
  const wrong = [
    "",
    "cache:6379",
    "http://cache",
    "redis://cache:",
    "redis://cache:port",
    "redis://cache:70000",
    "redis://a,b",
    "redis://cache/db",
    "redis://%zz@cache",
    "unix://cache",
    "unix://cache/run/redis.sock",
    "redis+sentinel:///main",
    "redis+sentinel://a",
    "redis+cluster://",
  ];
  for (const url of wrong) test(`"${url}"`, () => assert.throws(() => parseRedisUrl(url), idiomError("CONFIG_INVALID", /is no Redis URL/)));
});

test("the error shows no password, wherever the URL is wrong", () => {
  for (const url of ["redis://me:secret@cache:port", "http://:secret@cache", "redis://:sec/secret@cache", "redis://:se:secret@@cache"])
    assert.throws(
      () => parseRedisUrl(url),
      (error: Error) => !error.message.includes("secret") && error.message.includes("cache"),
      url,
    );
});
