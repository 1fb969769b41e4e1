// What several processes say of their health, as one.
import assert from "node:assert/strict";
import { test } from "node:test";
import { type HealthReport, type ModelHealth, mergeHealth } from "../../../src/core/health.ts";

const model = (name: string, state: ModelHealth["state"]): ModelHealth => ({ name, version: "1", state });
const report = (status: HealthReport["status"], ...models: ModelHealth[]): HealthReport => ({ status, models });

test("calls are welcome where any process takes them", () => {
  assert.equal(mergeHealth([report("draining"), report("ok")]).status, "ok");
  assert.equal(mergeHealth([report("draining"), report("starting")]).status, "starting");
  assert.equal(mergeHealth([report("draining"), report("draining")]).status, "draining");
  assert.deepEqual(mergeHealth([report("draining"), { ...report("unavailable"), reason: "no Redis" }]), { ...report("unavailable"), reason: "no Redis" });
});

test("what one process finds wrong with Redis is said", () => {
  const redis = (state: string): HealthReport => ({ ...report("ok"), redis: { state, detail: "" } });
  assert.deepEqual(mergeHealth([redis("ok"), redis("away")]).redis, { state: "away", detail: "" });
  assert.deepEqual(mergeHealth([redis("ok"), report("starting")]).redis, { state: "ok", detail: "" });
});

test("nobody who answers is no reason to call", () => assert.deepEqual(mergeHealth([]), { status: "starting", models: [] }));

test("a version is ready where it is in any process, and named once", () => {
  const merged = mergeHealth([report("ok", model("a", "failed"), model("b", "ready")), report("ok", model("a", "ready"), model("b", "loading"))]);
  assert.deepEqual(merged.models, [model("a", "ready"), model("b", "ready")]);
});
