import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { vectorFiles } from "../../../proto/harness/v1/vectors/generate.ts";
import { VECTORS } from "../../support/vectors.ts";

for (const [name, content] of Object.entries(vectorFiles())) {
  test(`${name} is what generate.ts writes`, () => {
    assert.ok(readFileSync(join(VECTORS, name), "utf8") === content, `run: node proto/harness/v1/vectors/generate.ts`);
  });
}

test("every vector file is one that generate.ts writes", () => {
  const files = readdirSync(VECTORS).filter((file) => file.endsWith(".json"));
  assert.deepEqual(files.sort(), Object.keys(vectorFiles()).sort());
});
