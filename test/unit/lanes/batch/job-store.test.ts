import assert from "node:assert/strict";
import { join } from "node:path";
import { test } from "node:test";
import { openStore } from "../../../../src/lanes/batch/job-store.ts";
import { temporaryFolder } from "../../../support/folders.ts";
import { idiomError } from "../../../support/idiom-error.ts";

test("a folder has one name for all that open it, and no other folder has it", (t) => {
  const folder = join(temporaryFolder(t), "jobs");
  const { id, place } = openStore(folder);
  assert.equal(openStore(folder).id, id);
  assert.ok(place.endsWith(`:${folder}`), place);
  assert.notEqual(openStore(temporaryFolder(t)).id, id);
});

test("a folder that cannot be made stops the start", (t) => {
  const file = join(temporaryFolder(t, { file: "" }), "file");
  assert.throws(() => openStore(join(file, "jobs")), idiomError("CONFIG_INVALID", /cannot be kept in .*ENOTDIR.*; name another folder with IDIOM_STATE$/));
});
