import assert from "node:assert/strict";
import { describe, test } from "node:test";
import type { InvocationRequest } from "../../../../src/core/invocation.ts";
import { Quarantine } from "../../../../workers/pool/quarantine.ts";
import { int32 } from "../../../support/bytes.ts";
import { invocation } from "../../../support/invocations.ts";
import { modelVersion, tensor } from "../../../support/specs.ts";

const NOW = 1_000_000;
const MINUTES = 60_000;

/** A request with these elements. */
function request(elements: number[], rest: Partial<InvocationRequest> = {}): InvocationRequest {
  const data = int32(...elements);
  return invocation({ inputs: [tensor("INT32", [elements.length], data)], bytes: data.length, ...rest }).request;
}

/** A quarantine in which this request has died alone so often. */
function after(deaths: number, of: InvocationRequest): Quarantine {
  const quarantine = new Quarantine();
  for (let i = 0; i < deaths; i++) quarantine.died(of, `death ${i + 1}`, NOW);
  return quarantine;
}

describe("a request that died alone", () => {
  test("once may run", () => {
    assert.equal(after(1, request([1])).verdict(request([1]), NOW), null);
  });

  test("twice is refused for ten minutes, with the last death's reason", () => {
    const quarantine = after(2, request([1]));
    assert.deepEqual(quarantine.verdict(request([1]), NOW + MINUTES), { reason: "death 2", restMs: 9 * MINUTES });
    assert.equal(quarantine.verdict(request([1]), NOW + 10 * MINUTES), null);
  });

  test("says so with its second death", () => {
    const quarantine = after(1, request([1]));
    assert.deepEqual(quarantine.died(request([1]), "again", NOW), { reason: "again", restMs: 10 * MINUTES });
  });

  test("and was answered then is suspected no more", () => {
    const quarantine = after(1, request([1]));
    quarantine.answered(request([1]));
    assert.equal(quarantine.died(request([1]), "again", NOW), null);
  });
});

describe("not refused is", () => {
  const quarantine = after(2, request([1, 2]));
  test("a request of other values", () => assert.equal(quarantine.verdict(request([1, 3]), NOW), null));
  test("a request of another size", () => assert.equal(quarantine.verdict(request([1]), NOW), null));
  test("the same input to other files of the model", () => {
    const version = { ...modelVersion(), digest: "1".repeat(64) };
    assert.equal(quarantine.verdict(request([1, 2], { version }), NOW), null);
  });
  test("the same bytes in another shape", () => {
    const inputs = [tensor("INT32", [2, 1], int32(1, 2))];
    assert.equal(quarantine.verdict(request([1, 2], { inputs }), NOW), null);
  });
  test("anything once it is cleared", () => {
    const cleared = after(2, request([1, 2]));
    cleared.clear();
    assert.equal(cleared.verdict(request([1, 2]), NOW), null);
  });
});

test("the oldest suspects are forgotten where there are too many", () => {
  const quarantine = after(2, request([0]));
  for (let i = 1; i <= 256; i++) quarantine.died(request([i]), "died", NOW);
  assert.equal(quarantine.verdict(request([0]), NOW), null);
  assert.notEqual(quarantine.died(request([256]), "died", NOW), null);
});
