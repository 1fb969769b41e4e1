import assert from "node:assert/strict";
import { renameSync, rmSync, utimesSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, type TestContext, test } from "node:test";
import { FolderWatch, type WatchedFolder } from "../../../src/registry/folder-watch.ts";
import type { RuntimeMarker } from "../../../src/registry/model-folder.ts";
import { temporaryFolder, writeFiles } from "../../support/folders.ts";
import { idiomError } from "../../support/idiom-error.ts";

const RUNTIMES: readonly RuntimeMarker[] = [{ language: "python", entryFiles: ["model.py"] }];

function watched(t: TestContext, files: Record<string, string>): { root: string; watch: FolderWatch } {
  const root = temporaryFolder(t, files);
  return { root, watch: new FolderWatch(root, RUNTIMES) };
}

const only = (found: readonly WatchedFolder[]): WatchedFolder["content"] => {
  assert.equal(found.length, 1);
  return (found[0] as WatchedFolder).content;
};

describe("a first look", () => {
  test("at something that is no folder is refused", async (t) => {
    await assert.rejects(new FolderWatch(join(temporaryFolder(t), "gone"), RUNTIMES).look(false), idiomError("MODEL_INVALID", /is no folder/));
  });
});

describe("two folders of one name", () => {
  const reasons = (found: readonly WatchedFolder[]): (string | null)[] => found.map(({ content }) => content.reason);

  test("leave the first in peace, and the other says why it is not served", async (t) => {
    const { root, watch } = watched(t, { "a/model.py": "", "b/model.py": "", "b/model.yaml": "name: a" });
    assert.deepEqual(reasons(await watch.look(false)), [
      null,
      `'a/1' is the model in ${join(root, "a")} already; give this one another name in its model.yaml`,
    ]);
  });

  test("leave the one in peace that was there before, and keep their objects", async (t) => {
    const { root, watch } = watched(t, { "b/model.py": "", "b/model.yaml": "name: a" });
    const [before] = await watch.look(false);
    writeFiles(root, { "a/model.py": "" });
    const [clashing, kept] = await watch.look(false);
    assert.equal(kept?.content, before?.content);
    assert.match(clashing?.content.reason ?? "", /^'a\/1' is the model in .*b already/);
    assert.equal((await watch.look(false))[0]?.content, clashing?.content);
  });

  test("are both served once one has another name, or the other is gone", async (t) => {
    const { root, watch } = watched(t, { "a/model.py": "", "b/model.py": "", "b/model.yaml": "name: a" });
    await watch.look(false);
    writeFileSync(join(root, "b/model.yaml"), "name: c");
    assert.deepEqual(reasons(await watch.look(false)), [null, null]);
    writeFileSync(join(root, "b/model.yaml"), "name: a");
    await watch.look(false);
    rmSync(join(root, "a"), { recursive: true });
    assert.deepEqual(reasons(await watch.look(false)), [null]);
  });
});

describe("a later look", () => {
  test("gives the same objects while nothing has changed, also of what is broken", async (t) => {
    const { watch } = watched(t, { "a/model.py": "", "b/notes.txt": "" });
    const before = await watch.look(false);
    const after = await watch.look(false);
    assert.ok(before.length === 2 && before.every((folder, i) => folder.content === after[i]?.content));
  });

  test("gives the same version where files were written again with the same content", async (t) => {
    const { root, watch } = watched(t, { "a/model.py": "1" });
    const before = only(await watch.look(false));
    writeFileSync(join(root, "a/model.py"), "1");
    assert.equal(only(await watch.look(false)), before);
  });

  test("gives another version where content has changed, also with size and time kept", async (t) => {
    const { root, watch } = watched(t, { "a/model.py": "1" });
    const time = new Date(0);
    utimesSync(join(root, "a/model.py"), time, time);
    const before = only(await watch.look(false)).version;
    writeFileSync(join(root, "a/model.py"), "2");
    utimesSync(join(root, "a/model.py"), time, time);
    const after = only(await watch.look(false)).version;
    assert.ok(before !== null && after !== null && before.key === after.key && before.digest !== after.digest);
  });

  test("sees a file that was added, removed or renamed", async (t) => {
    const { root, watch } = watched(t, { "a/model.py": "1" });
    const digests = [only(await watch.look(false)).version?.digest];
    writeFiles(root, { "a/more.txt": "" });
    digests.push(only(await watch.look(false)).version?.digest);
    renameSync(join(root, "a/more.txt"), join(root, "a/other.txt"));
    digests.push(only(await watch.look(false)).version?.digest);
    rmSync(join(root, "a/other.txt"));
    digests.push(only(await watch.look(false)).version?.digest);
    assert.equal(new Set(digests).size, 3);
    assert.equal(digests[3], digests[0]);
  });

  test("finds folders that came and misses those that went", async (t) => {
    const { root, watch } = watched(t, { "a/model.py": "" });
    await watch.look(false);
    renameSync(join(root, "a"), join(root, "b"));
    assert.equal(only(await watch.look(false)).version?.key, "b/1");
  });

  test("does not mind what Python caches", async (t) => {
    const { root, watch } = watched(t, { "a/model.py": "" });
    const before = only(await watch.look(false));
    writeFiles(root, { "a/__pycache__/model.pyc": "x" });
    assert.equal(only(await watch.look(false)), before);
  });
});

describe("a look that waits until nobody writes any more", () => {
  test("takes a change when two looks have seen the same files", async (t) => {
    const { root, watch } = watched(t, { "a/model.py": "1" });
    const before = only(await watch.look(true).then(() => watch.look(true)));
    writeFileSync(join(root, "a/model.py"), "22");
    assert.equal(only(await watch.look(true)), before);
    writeFileSync(join(root, "a/model.py"), "333");
    assert.equal(only(await watch.look(true)), before);
    assert.notEqual(only(await watch.look(true)), before);
  });

  test("does not tell of a new folder before", async (t) => {
    const { root, watch } = watched(t, { "a/model.py": "1" });
    await watch.look(false);
    writeFiles(root, { "b/model.py": "" });
    assert.deepEqual([(await watch.look(true)).length, (await watch.look(true)).length], [1, 2]);
  });
});
