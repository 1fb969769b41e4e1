import assert from "node:assert/strict";
import { describe, type TestContext, test } from "node:test";
import { FailedAttempts } from "../../../src/gateway/failed-attempts.ts";
import { LogRing } from "../../../src/telemetry/log-ring.ts";
import { createLogger } from "../../../src/telemetry/logger.ts";

/** Counts attempts under a clock that the test moves. */
function counting(t: TestContext): { add(peer: string, times?: number): () => boolean; tick(ms: number): void; warnings(): number[] } {
  t.mock.timers.enable({ apis: ["setTimeout"] });
  let now = 0;
  const warnings: number[] = [];
  const log = createLogger("silent", new LogRing("test"));
  t.mock.method(log, "warn", (fields: { attempts: number }) => void warnings.push(fields.attempts));
  const attempts = new FailedAttempts(log, () => now);
  return {
    add(peer, times = 1) {
      let answered = false;
      for (let i = 0; i < times; i++) {
        answered = false;
        attempts.add(peer, "why", () => {
          answered = true;
        });
      }
      return () => answered;
    },
    tick(ms) {
      now += ms;
      t.mock.timers.tick(ms);
    },
    warnings: () => warnings,
  };
}

describe("the answer to a failed attempt", () => {
  test("waits twice as long as the one before it, up to two seconds", (t) => {
    const { add, tick } = counting(t);
    for (const delay of [100, 200, 400, 800, 1600, 2000, 2000]) {
      const answered = add("a");
      tick(delay - 1);
      assert.equal(answered(), false, `${delay} ms`);
      tick(1);
      assert.equal(answered(), true, `${delay} ms`);
    }
  });

  test("waits for nobody else's attempts", (t) => {
    const { add, tick } = counting(t);
    add("a", 10);
    const other = add("b");
    tick(100);
    assert.equal(other(), true);
  });

  test("is soon again after a quiet minute", (t) => {
    const { add, tick } = counting(t);
    add("a", 10);
    tick(60_001);
    const answered = add("a");
    tick(100);
    assert.equal(answered(), true);
  });

  test("goes out at once when a thousand wait already", (t) => {
    const { add } = counting(t);
    assert.equal(add("a", 1000)(), false);
    assert.equal(add("b")(), true);
  });
});

test("the log has the 1st, 2nd, 4th, 8th ... attempt", (t) => {
  const { add, warnings } = counting(t);
  add("a", 20);
  assert.deepEqual(warnings(), [1, 2, 4, 8, 16]);
});

test("of more than ten thousand peers the one that was quiet longest is forgotten", (t) => {
  const { add, warnings } = counting(t);
  add("first", 2);
  add("second", 2);
  add("first");
  for (let i = 0; i < 9999; i++) add(`peer ${i}`);
  const before = warnings().length;
  add("first");
  assert.deepEqual(warnings().slice(before), [4]);
  add("second");
  assert.deepEqual(warnings().slice(before), [4, 1]);
});
