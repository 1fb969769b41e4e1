// What several processes say of their models at the start, as one.
import assert from "node:assert/strict";
import { test } from "node:test";
import { mergeSummaries, type VersionSummary } from "../../../src/roles/summary.ts";

const FAILED: VersionSummary["golden"] = { result: "failed", file: "a.json", reason: "differs" };

function version(more: Partial<VersionSummary>): VersionSummary {
  return { name: "m", version: "1", runtime: "node", state: "ready", reason: "", golden: { result: "none" }, goldenFiles: null, ...more };
}

test("each version is shown once, as it is where it is worst", () => {
  const [good, wrong, broken] = [version({}), version({ golden: FAILED }), version({ state: "failed", reason: "no weights" })];
  assert.deepEqual(mergeSummaries([[good], [wrong]]), [wrong]);
  assert.deepEqual(mergeSummaries([[broken], [wrong]]), [broken]);
  assert.deepEqual(mergeSummaries([[good, version({ name: "n" })], [good]]), [good, version({ name: "n" })]);
});
