import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { parseLease, parseReport, takesWork } from "../../../../src/lanes/realtime/node-report.ts";
import { nodeReport } from "../../../support/node-reports.ts";

describe("what another process has written", () => {
  test("is read as it was written", () => {
    const { waiting: _, ...report } = nodeReport("one", [{}]);
    const revised = { revision: 3, report };
    assert.deepEqual(parseReport(JSON.stringify(revised)), revised);
    const lease = { revision: 3, waiting: 7, left: false };
    assert.deepEqual(parseLease(JSON.stringify(lease)), lease);
  });

  for (const text of ["", "1", "{", "null", "{}", JSON.stringify({ revision: 1, report: { ...nodeReport("one", []), role: "king" } })]) {
    test(`is nothing when it is of another form: ${text.slice(0, 20)}`, () => {
      assert.deepEqual([parseLease(text), parseReport(text)], [null, null]);
    });
  }
});

test("a node takes work while it serves; a gateway never does", () => {
  const takes = (role: "up" | "worker" | "gateway", state: "serving" | "draining" | "drained") => takesWork(nodeReport("one", [], { role, state }));
  assert.deepEqual([takes("up", "serving"), takes("worker", "serving"), takes("gateway", "serving")], [true, true, false]);
  assert.deepEqual([takes("up", "draining"), takes("worker", "drained")], [false, false]);
});
