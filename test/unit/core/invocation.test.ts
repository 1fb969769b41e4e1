import assert from "node:assert/strict";
import { test } from "node:test";
import { IdiomError } from "../../../src/core/errors.ts";
import { Invocation, type Outcome } from "../../../src/core/invocation.ts";
import { modelVersion } from "../../support/specs.ts";

const ANSWER: Outcome = { ok: true, outputs: [], timings: { queueMs: 0, computeMs: 1 } };

function invoke(): { invocation: Invocation; outcomes: Outcome[] } {
  const outcomes: Outcome[] = [];
  const request = { version: modelVersion(), signature: { inputs: [], outputs: [] }, inputs: [], rows: 0, bytes: 0, mergeKey: "", priority: 1 } as const;
  return { invocation: new Invocation(request, (outcome) => outcomes.push(outcome)), outcomes };
}

test("the caller is answered with the first outcome and hears of no later one", () => {
  const { invocation, outcomes } = invoke();
  invocation.settle(ANSWER);
  invocation.fail(new IdiomError("INSTANCE_DIED", "too late"));
  invocation.settle(ANSWER);
  assert.deepEqual(outcomes, [ANSWER]);
});

test("a failure is an outcome with its error", () => {
  const { invocation, outcomes } = invoke();
  const error = new IdiomError("QUEUE_FULL", "full");
  invocation.fail(error);
  assert.deepEqual(outcomes, [{ ok: false, error }]);
});

test("an abandoned call is settled, answered by nobody, and its holder hears of it", () => {
  const { invocation, outcomes } = invoke();
  let heard = 0;
  invocation.onAbandon = () => heard++;
  invocation.abandon();
  invocation.settle(ANSWER);
  assert.deepEqual({ settled: invocation.settled, heard, outcomes }, { settled: true, heard: 1, outcomes: [] });
});

test("giving up twice, or after the answer, tells the holder nothing more", () => {
  const { invocation } = invoke();
  let heard = 0;
  invocation.onAbandon = () => heard++;
  invocation.settle(ANSWER);
  invocation.abandon();
  invocation.abandon();
  assert.equal(heard, 0);
});
