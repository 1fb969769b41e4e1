import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { PACKAGE_ROOT } from "../../../../src/package-root.ts";
import { ATTACKS } from "../../../../workers/sandbox/launcher.ts";

test("the boot attack tries what the levels say that they stop, and calls it by the same names", () => {
  const source = readFileSync(join(PACKAGE_ROOT, "workers", "sandbox", "probe", "attack.mjs"), "utf8");
  const tried = [...(/^const attacks = \{\n(.*?)^\};/ms.exec(source)?.[1]?.matchAll(/^ {2}"([^"]+)":/gm) ?? [])].map(([, name]) => name);
  assert.deepEqual(tried.sort(), [...ATTACKS].sort());
});
