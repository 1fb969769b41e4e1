import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, rmSync, statfsSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { watchFolder, watchNames } from "../../../../workers/sandbox/disk-watch.ts";
import type { ProcessLimits } from "../../../../workers/sandbox/limits.ts";
import type { Overrun } from "../../../../workers/sandbox/overrun.ts";
import { temporaryFolder } from "../../../support/folders.ts";
import { PROCESS_LIMITS } from "../../../support/specs.ts";

const MIB = 2 ** 20;
const limits: ProcessLimits = { ...PROCESS_LIMITS, tmpBytes: MIB };

/** What the watch says when it finds too much. */
function overrunIn(folder: string): Promise<Overrun> {
  return new Promise((resolve) => watchFolder(folder, limits, resolve));
}

test("all files in a folder count together, also those in folders within", async (t) => {
  const folder = temporaryFolder(t);
  const found = overrunIn(folder);
  mkdirSync(join(folder, "deep", "deeper"), { recursive: true });
  for (let i = 0; i < 3; i++) writeFileSync(join(folder, "deep", "deeper", String(i)), Buffer.alloc(MIB / 2));
  const { code, advice } = await found;
  assert.equal(code, "DISK_FULL");
  assert.match(advice, /^its files took [\d.]+MiB; the model may write 1MiB of temporary files; raise limits\.tmp in model\.yaml$/);
});

test("empty files without end count as well", async (t) => {
  const folder = temporaryFolder(t);
  for (let i = 0; i < 300; i++) writeFileSync(join(folder, String(i)), "");
  assert.equal((await overrunIn(folder)).code, "DISK_FULL");
});

test("in a file system of memory each name counts", async (t) => {
  const memory = "/dev/shm";
  const { files, ffree } = statfsSync(memory);
  const room = { ...limits, sharedBy: 2, tmpBytes: ((files - ffree + 100) * 1024) / 2 };
  const folder = mkdtempSync(join(memory, "idiom-test-"));
  t.after(() => rmSync(folder, { recursive: true }));
  const found = new Promise<Overrun>((resolve) => watchNames(() => ["/gone", memory], room, resolve));
  for (let i = 0; i < 200; i++) writeFileSync(join(folder, String(i)), "");
  assert.equal((await found).code, "DISK_FULL");
});
