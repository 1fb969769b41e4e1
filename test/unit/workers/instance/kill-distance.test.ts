import assert from "node:assert/strict";
import { test } from "node:test";
import { KillDistance } from "../../../../workers/instance/kill-distance.ts";

test("the first kill may be at once", () => {
  const kills = new KillDistance();
  kills.started(200);
  assert.ok(kills.restMs(0) <= 0);
});

test("the next one keeps four start-up times' distance", () => {
  const kills = new KillDistance();
  kills.started(200);
  kills.killed(1000);
  assert.deepEqual([kills.restMs(1000), kills.restMs(1799), kills.restMs(1800)], [800, 1, 0]);
});
