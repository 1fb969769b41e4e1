import assert from "node:assert/strict";
import { mkdirSync, readdirSync, readFileSync, renameSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { describe, type TestContext, test } from "node:test";
import { discard, openSource, openTarget } from "../../../src/data/endpoints.ts";
import { temporaryFolder } from "../../support/folders.ts";
import { idiomError } from "../../support/idiom-error.ts";

test("a file is read as it is; one that has become a link since it was named is not, nor one that is gone", async (t) => {
  const folder = temporaryFolder(t, { "in.csv": "x\n", secret: "s" });
  symlinkSync(join(folder, "secret"), join(folder, "link.csv"));
  assert.equal(await text(openSource({ path: join(folder, "in.csv"), tag: null }, null)), "x\n");
  assert.throws(() => openSource({ path: join(folder, "link.csv"), tag: null }, null), idiomError("DATASET_INVALID", /link\.csv cannot be opened: ELOOP$/));
  assert.throws(() => openSource({ path: join(folder, "none.csv"), tag: null }, null), idiomError("DATASET_INVALID", /none\.csv cannot be opened: ENOENT$/));
});

describe("through a folder that has become a link since a file in it was named", () => {
  const GONE = idiomError("DATASET_INVALID", /team\/\w+\.csv: a folder on the way to it is another one than when it was named$/);

  /** A root with the folder `team`, one outside of it that has files of the same names, and what lays a link to that one in the team's place. */
  function swappable(t: TestContext) {
    const [root, outside] = [temporaryFolder(t), temporaryFolder(t, { "in.csv": "secret" })];
    const team = join(root, "team");
    mkdirSync(team);
    writeFileSync(join(team, "in.csv"), "x\n");
    const swap = (): void => {
      renameSync(team, join(root, "away"));
      symlinkSync(outside, team);
    };
    return { team, outside, away: join(root, "away"), swap, target: { path: join(team, "out.csv"), job: "j", fence: 1, folder: temporaryFolder(t) } };
  }

  test("nothing is read", (t) => {
    const { team, swap } = swappable(t);
    swap();
    assert.throws(() => openSource({ path: join(team, "in.csv"), tag: null }, null), GONE);
  });

  test("nothing is written", async (t) => {
    const { outside, swap, target } = swappable(t);
    swap();
    await assert.rejects(openTarget(target, null, 1), GONE);
    assert.deepEqual(readdirSync(outside), ["in.csv"]);
  });

  test("nothing that was written is published, and none of it is left", async (t) => {
    const { outside, away, swap, target } = swappable(t);
    const writer = await openTarget(target, null, 1);
    swap();
    await writer.write(Buffer.from("all"));
    await assert.rejects(writer.publish(), GONE);
    writer.close();
    assert.deepEqual([readdirSync(outside), readdirSync(away)], [["in.csv"], ["in.csv"]]);
  });
});

test("why a target cannot be written is told with its own path", async (t) => {
  const folder = temporaryFolder(t, { "out.csv/in": "the way" });
  const writer = await openTarget({ path: join(folder, "out.csv"), job: "j", fence: 1, folder: temporaryFolder(t) }, null, 1);
  await assert.rejects(writer.publish(), idiomError("DATASET_INVALID", `the output ${join(folder, "out.csv")} cannot be written: EISDIR`));
  writer.close();
});

test("a target is there when it is published, and what was begun before is gone; a link that lies in the way is not written through", async (t) => {
  const folder = temporaryFolder(t, { secret: "s" });
  const target = (job: string) => ({ path: join(folder, "out.csv"), job, fence: 1, folder: temporaryFolder(t) });
  symlinkSync(join(folder, "secret"), join(folder, ".out.csv.j1.1"));
  for (const job of ["j1", "j2"]) {
    const writer = await openTarget(target(job), null, 1);
    await writer.write(Buffer.from(job));
    await writer.publish();
    writer.close();
    assert.equal(readFileSync(join(folder, "out.csv"), "utf8"), job);
  }
  assert.equal(readFileSync(join(folder, "secret"), "utf8"), "s");
  const abandoned = target("j3");
  (await openTarget(abandoned, null, 1)).close();
  await discard(abandoned, null);
  assert.deepEqual(readdirSync(folder).sort(), ["out.csv", "secret"]);
});

test("of two holders of a job the earlier neither publishes nor ends what the later one writes; the later one ends what the earlier has left", async (t) => {
  const [folder, state] = [temporaryFolder(t), temporaryFolder(t)];
  const target = (fence: number) => ({ path: join(folder, "out.csv"), job: "j", fence, folder: state });
  const earlier = await openTarget(target(9), null, 1);
  const later = await openTarget(target(10), null, 1);
  await later.write(Buffer.from("half"));
  await assert.rejects(earlier.publish());
  earlier.close();
  await discard(target(9), null);
  await later.write(Buffer.from(" and half"));
  assert.deepEqual(readdirSync(folder), [".out.csv.j.10"]);
  await later.publish();
  later.close();
  assert.equal(readFileSync(join(folder, "out.csv"), "utf8"), "half and half");
  assert.deepEqual(readdirSync(folder), ["out.csv"]);
});
