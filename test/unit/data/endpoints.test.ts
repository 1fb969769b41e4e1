import assert from "node:assert/strict";
import { readdirSync, readFileSync, symlinkSync } from "node:fs";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { test } from "node:test";
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

test("a target is there when it is published, and what was begun before is gone; a link that lies in the way is not written through", async (t) => {
  const folder = temporaryFolder(t, { secret: "s", ".out.csv.j2": "half" });
  const target = (job: string) => ({ path: join(folder, "out.csv"), job, folder });
  symlinkSync(join(folder, "secret"), join(folder, ".out.csv.j1"));
  for (const job of ["j1", "j2"]) {
    const writer = await openTarget(target(job), null, 1);
    await writer.write(Buffer.from(job));
    await writer.publish();
    writer.close();
    assert.equal(readFileSync(join(folder, "out.csv"), "utf8"), job);
  }
  assert.equal(readFileSync(join(folder, "secret"), "utf8"), "s");
  const abandoned = await openTarget(target("j3"), null, 1);
  abandoned.close();
  await discard(target("j3"), null);
  assert.deepEqual(readdirSync(folder).sort(), ["out.csv", "secret"]);
});
