import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { loadOf, RequestWindow } from "../../../src/telemetry/request-window.ts";

/** A window whose clock the test turns. */
function windowAt(startMs = 0): { window: RequestWindow; turnTo(ms: number): void } {
  let now = startMs;
  return {
    window: new RequestWindow(() => now),
    turnTo(ms) {
      now = ms;
    },
  };
}

function assertNear(actual: number | null, expected: number): void {
  assert.ok(actual !== null && Math.abs(actual / expected - 1) <= 0.05, `${actual} is not within 5 % of ${expected}`);
}

describe("requests per second", () => {
  test("are those of the whole seconds since the start, while there are fewer than ten", () => {
    const { window, turnTo } = windowAt();
    for (let i = 0; i < 40; i++) window.answered(0.001);
    turnTo(2000);
    assert.equal(loadOf([window.counts()]).requestsPerSecond, 20);
  });

  test("are those of the last ten seconds; older ones are forgotten", () => {
    const { window, turnTo } = windowAt();
    for (let i = 0; i < 1000; i++) window.answered(0.001);
    turnTo(15_000);
    for (let i = 0; i < 50; i++) window.answered(0.001);
    turnTo(20_500);
    const { requestsPerSecond, requests } = loadOf([window.counts()]);
    assert.deepEqual({ requestsPerSecond, requests }, { requestsPerSecond: 5, requests: 1050 });
  });

  test("count what failed as well, and errors apart", () => {
    const { window, turnTo } = windowAt();
    window.answered(0.001);
    window.failed();
    turnTo(1000);
    const { requestsPerSecond, errorsPerSecond } = loadOf([window.counts()]);
    assert.deepEqual({ requestsPerSecond, errorsPerSecond }, { requestsPerSecond: 2, errorsPerSecond: 1 });
  });
});

describe("latency", () => {
  test("is null without an answer, although requests failed", () => {
    const { window } = windowAt();
    window.failed();
    const { p50Ms, p99Ms } = loadOf([window.counts()]);
    assert.deepEqual({ p50Ms, p99Ms }, { p50Ms: null, p99Ms: null });
  });

  test("is within 5 % from microseconds to minutes", () => {
    for (const ms of [0.001, 0.13, 1, 7.7, 130, 30_000, 200_000]) {
      const { window } = windowAt();
      window.answered(ms / 1000);
      assertNear(loadOf([window.counts()]).p50Ms, ms);
    }
  });

  test("at its quantiles is that of the slowest of the fastest half, and of 99 in 100", () => {
    const { window } = windowAt();
    for (let ms = 1; ms <= 100; ms++) window.answered(ms / 1000);
    const { p50Ms, p99Ms } = loadOf([window.counts()]);
    assertNear(p50Ms, 50);
    assertNear(p99Ms, 99);
  });

  test("of an answer that took longer than can be told is the longest that can", () => {
    const { window } = windowAt();
    window.answered(100_000);
    assertNear(loadOf([window.counts()]).p50Ms, 250_000);
  });
});

test("what several processes counted adds up, and their answers are ranked together", () => {
  const [fast, slow] = [windowAt(), windowAt()];
  for (let i = 0; i < 90; i++) fast.window.answered(0.001);
  for (let i = 0; i < 10; i++) slow.window.answered(1);
  for (const { turnTo } of [fast, slow]) turnTo(1000);
  const load = loadOf([fast.window.counts(), slow.window.counts()]);
  assert.deepEqual([load.requests, load.requestsPerSecond], [100, 100]);
  assertNear(load.p50Ms, 1);
  assertNear(load.p99Ms, 1000);
});
