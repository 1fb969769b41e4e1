import assert from "node:assert/strict";
import { test } from "node:test";
import { signalOf } from "../../../src/process/signals.ts";

test("a signal has the name that people know it by", () => {
  assert.equal(signalOf(6), "SIGABRT");
  assert.equal(signalOf(9), "SIGKILL");
  assert.equal(signalOf(-128), undefined);
});
