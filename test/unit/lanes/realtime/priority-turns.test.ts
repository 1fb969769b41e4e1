import assert from "node:assert/strict";
import { test } from "node:test";
import type { Priority } from "../../../../src/core/invocation.ts";
import { PriorityTurns } from "../../../../src/lanes/realtime/priority-turns.ts";

/** Takes `count` bundles from lists of which only `waiting` hold any, without end. */
function take(turns: PriorityTurns, count: number, waiting: readonly Priority[]): Priority[] {
  return Array.from({ length: count }, () => {
    const taken = turns.order().find((priority) => waiting.includes(priority)) as Priority;
    turns.took(taken);
    return taken;
  });
}

const countOf = (taken: readonly Priority[], priority: Priority): number => taken.filter((each) => each === priority).length;

test("an urgent bundle is the next one, whatever was taken before it", () => {
  for (let before = 0; before < 40; before++) {
    const turns = new PriorityTurns();
    take(turns, before, [1, 2]);
    assert.deepEqual(take(turns, 1, [0, 1, 2]), [0], `after ${before} others`);
  }
});

test("a stream of urgent bundles leaves every eighth turn to others, and none where there are none", () => {
  assert.equal(countOf(take(new PriorityTurns(), 80, [0, 1]), 1), 10);
  assert.equal(countOf(take(new PriorityTurns(), 80, [0, 2]), 2), 10);
  assert.equal(countOf(take(new PriorityTurns(), 80, [0]), 0), 80);
});

test("a low bundle has its turn within sixteen under normal ones, and under all others", () => {
  assert.equal(countOf(take(new PriorityTurns(), 160, [1, 2]), 2), 10);
  assert.ok(countOf(take(new PriorityTurns(), 240, [0, 1, 2]), 2) >= 10);
});
