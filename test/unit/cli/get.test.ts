import assert from "node:assert/strict";
import { test } from "node:test";
import { modelRows } from "../../../src/cli/commands/get.ts";
import type { VersionSummary } from "../../../src/core/admin.ts";

function version(name: string, number: string, state: VersionSummary["state"], reason = ""): VersionSummary {
  return { name, version: number, runtime: "python", state, reason, digest: "", readyInstances: 0, instances: 1, update: null, readyNodes: [] };
}

test("a model is shown with the version that answers: the newest that is ready, else the newest", () => {
  const rows = modelRows([version("a", "3", "loading"), version("a", "2", "ready"), version("a", "1", "ready"), version("b", "1", "failed", "no weights")]);
  assert.deepEqual(rows, [
    { name: "a", version: "2", state: "ready", runtime: "python", reason: "", versions: ["3", "2", "1"] },
    { name: "b", version: "1", state: "failed", runtime: "python", reason: "no weights", versions: ["1"] },
  ]);
});
