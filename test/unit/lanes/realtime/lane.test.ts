import assert from "node:assert/strict";
import { test } from "node:test";
import { IdiomError } from "../../../../src/core/errors.ts";
import { BATCH_PRIORITY, type Invocation, type Outcome } from "../../../../src/core/invocation.ts";
import { type LocalConsumer, RealtimeLane } from "../../../../src/lanes/realtime/lane.ts";
import { invocation } from "../../../support/invocations.ts";
import { modelVersion } from "../../../support/specs.ts";

function consumer(): LocalConsumer & { readonly offered: Invocation[] } {
  const offered: Invocation[] = [];
  return { offered, directIsOpen: true, wantsBatch: true, environment: "e", offer: (each) => void offered.push(each) };
}

test("a call goes to the consumer of its version and to no other", () => {
  const lane = new RealtimeLane();
  const [first, second] = [consumer(), consumer()];
  lane.attach("m/1", first);
  lane.attach("m/2", second);
  const call = invocation({ version: modelVersion({}, "2") });
  lane.submit(call);
  assert.deepEqual([first.offered, second.offered], [[], [call]]);
});

test("a call that nobody serves is answered with MODEL_NOT_READY", () => {
  const outcomes: Outcome[] = [];
  new RealtimeLane().submit(invocation({}, outcomes));
  const error = new IdiomError("MODEL_NOT_READY", "model 'm' version '1' is not at ready state: no worker serves it");
  assert.deepEqual(outcomes, [{ ok: false, error }]);
});

test("a consumer that was detached gets nothing more", () => {
  const lane = new RealtimeLane();
  const former = consumer();
  lane.attach("m/1", former);
  lane.detach("m/1");
  lane.submit(invocation());
  assert.deepEqual(former.offered, []);
});

test("while there is a problem on the way through Redis, calls stay here, or are refused with it", () => {
  const outcomes: Outcome[] = [];
  const lane = new RealtimeLane(false);
  const sent: Invocation[] = [];
  let problem: string | null = "Redis is full";
  lane.useRemote({ available: true, submit: (each) => void sent.push(each) }, () => problem);
  const own = consumer();
  lane.attach("m/1", own);
  const [here, elsewhere, later] = [invocation(), invocation({ version: modelVersion({}, "2") }, outcomes), invocation()];
  lane.submit(here);
  lane.submit(elsewhere);
  problem = null;
  lane.submit(later);
  const error = new IdiomError("MODEL_NOT_READY", "model 'm' version '2' is not at ready state: Redis is full");
  assert.deepEqual([own.offered, outcomes, sent], [[here], [{ ok: false, error }], [later]]);
});

test("rows of a job that was submitted for another environment go through Redis, to a node that has it", () => {
  const lane = new RealtimeLane();
  const sent: Invocation[] = [];
  lane.useRemote({ available: true, submit: (each) => void sent.push(each) });
  const own = consumer();
  lane.attach("m/1", own);
  const [here, elsewhere] = ["e", "f"].map((environment) => invocation({ priority: BATCH_PRIORITY, environment })) as [Invocation, Invocation];
  lane.submit(here);
  lane.submit(elsewhere);
  assert.deepEqual([own.offered, sent], [[here], [elsewhere]]);
});

test("a problem of one version on the way through Redis holds up no other", () => {
  const lane = new RealtimeLane(false);
  const sent: Invocation[] = [];
  lane.useRemote({ available: true, submit: (each) => void sent.push(each) }, ({ version }) => (version === "1" ? "nobody takes it there" : null));
  const own = consumer();
  lane.attach("m/1", own);
  const [first, second] = [invocation(), invocation({ version: modelVersion({}, "2") })];
  lane.submit(first);
  lane.submit(second);
  assert.deepEqual([own.offered, sent], [[first], [second]]);
});
