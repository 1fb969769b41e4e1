import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { serverAt } from "../../../src/redis/connection.ts";
import { checkLocked } from "../../../src/redis/locked.ts";
import { idiomError } from "../../support/idiom-error.ts";

describe("a Redis on this machine is taken as it is", () => {
  for (const url of [
    "redis://",
    "redis://127.0.0.1:6379",
    "redis://localhost",
    "redis://[::1]:7000",
    "unix:///run/redis.sock",
    "redis+cluster://127.0.0.1:1,127.0.0.2:2",
  ])
    test(url, () => checkLocked(serverAt(url), false));
});

describe("a Redis on another machine", () => {
  const open = idiomError("CONFIG_INVALID", /is on another machine and would be used without a password/);
  const plain = idiomError("CONFIG_INVALID", /is on another machine and would be spoken to in plain text/);

  for (const url of ["redis://cache", "rediss://cache", "rediss://me@cache", "redis+sentinel://127.0.0.1:1,cache:2/primary"])
    test(`needs a password, whatever the network: ${url}`, () => {
      assert.throws(() => checkLocked(serverAt(url), false), open);
      assert.throws(() => checkLocked(serverAt(url), true), open);
    });

  test("may ask for our certificate instead", () => {
    const tls = { caFile: null, certFile: "own.crt", keyFile: "own.key" };
    checkLocked({ ...serverAt("rediss://cache"), tls }, false);
    assert.throws(() => checkLocked({ ...serverAt("redis://cache"), tls }, false), open);
  });

  test("needs TLS, unless the network is trusted", () => {
    checkLocked(serverAt("rediss://:secret@cache"), false);
    checkLocked(serverAt("redis://:secret@cache"), true);
    assert.throws(() => checkLocked(serverAt("redis://:secret@cache"), false), plain);
  });

  test("is named without its password", () => {
    assert.throws(
      () => checkLocked(serverAt("redis://me:secret@cache"), false),
      (error: Error) => !error.message.includes("secret"),
    );
  });
});
