import assert from "node:assert/strict";
import { readFileSync, renameSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { WatchedFiles } from "../../../src/gateway/watched-files.ts";
import { temporaryFolder } from "../../support/folders.ts";

const A_SECOND = 1000;

/** A file, what has been read of it and what failed; `look` lets a second pass. */
function watched(t: TestContext): { path: string; read: string[]; failed: string[]; look: () => void } {
  t.mock.timers.enable({ apis: ["setInterval"] });
  const path = join(temporaryFolder(t, { file: "first" }), "file");
  const files = new WatchedFiles([path]);
  const [read, failed]: [string[], string[]] = [[], []];
  files.onChange(
    () => {
      const text = readFileSync(path, "utf8");
      if (text.startsWith("half")) throw new Error(`no sense in ${text}`);
      read.push(text);
    },
    (reason) => failed.push(reason),
  );
  t.after(() => files.close());
  return { path, read, failed, look: () => t.mock.timers.tick(A_SECOND) };
}

test("what has not changed is not read", (t) => {
  const { read, look } = watched(t);
  look();
  look();
  assert.deepEqual(read, []);
});

test("a change is read once", (t) => {
  const { path, read, look } = watched(t);
  writeFileSync(`${path}.new`, "second");
  renameSync(`${path}.new`, path);
  look();
  look();
  assert.deepEqual(read, ["second"]);
});

test("what cannot be read is tried until it can, and its reason told once", (t) => {
  const { path, read, failed, look } = watched(t);
  writeFileSync(path, "half of");
  look();
  look();
  assert.deepEqual([read, failed], [[], ["no sense in half of"]]);
  writeFileSync(path, "the whole");
  look();
  writeFileSync(path, "half of it");
  look();
  assert.deepEqual([read, failed], [["the whole"], ["no sense in half of", "no sense in half of it"]]);
});

test("a file that cannot even be looked at ends nothing, and is read when it is back", (t) => {
  const { path, read, failed, look } = watched(t);
  rmSync(path);
  symlinkSync(path, path);
  look();
  assert.match(failed[0] ?? "", /ELOOP/);
  rmSync(path);
  look();
  assert.match(failed[1] ?? "", /ENOENT/);
  writeFileSync(path, "back again");
  look();
  assert.deepEqual([read, failed.length], [["back again"], 2]);
});
