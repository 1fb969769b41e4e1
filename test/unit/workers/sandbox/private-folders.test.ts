import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { PACKAGE_ROOT } from "../../../../src/package-root.ts";
import type { ProcessLimits } from "../../../../workers/sandbox/limits.ts";
import type { Overrun } from "../../../../workers/sandbox/overrun.ts";
import { watchSize } from "../../../../workers/sandbox/private-folders.ts";
import { endStrays, folderPrefix } from "../../../../workers/sandbox/strays.ts";
import { temporaryFolder } from "../../../support/folders.ts";
import { PROCESS_LIMITS } from "../../../support/specs.ts";

const MIB = 2 ** 20;
const limits: ProcessLimits = { ...PROCESS_LIMITS, tmpBytes: MIB };

/** What the watch says when it finds too much. */
function overrunIn(folder: string): Promise<Overrun> {
  return new Promise((resolve) => watchSize(folder, limits, resolve));
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

test("a process's folder is its own, others may not list them, and they go with the host", () => {
  const module = join(PACKAGE_ROOT, "workers", "sandbox", "private-folders.ts");
  const script = `import { PrivateFolders } from ${JSON.stringify(module)};
    const { statSync } = await import("node:fs"), { dirname } = await import("node:path");
    const folder = new PrivateFolders().make(null);
    const mode = (path) => (statSync(path).mode & 0o777).toString(8);
    console.log(JSON.stringify([folder, mode(folder), mode(dirname(folder))]));`;
  const { stdout, stderr } = spawnSync(process.execPath, ["--input-type=module-typescript", "-e", script], { encoding: "utf8" });
  const [folder, mode, parents] = JSON.parse(stdout || assert.fail(stderr)) as [string, string, string];
  assert.deepEqual([mode, parents], ["700", "711"]);
  assert.ok(!existsSync(folder));
});

test("folders of a host that is no more are removed at the next start, those of a living one are not", (t) => {
  const [own, stray] = [folderPrefix(), folderPrefix().replace(/^(idiom-host-\d+)-\d+-/, "$1-1-")].map((prefix) => join(tmpdir(), `${prefix}test`)) as [
    string,
    string,
  ];
  for (const folder of [own, stray]) mkdirSync(join(folder, "0"), { recursive: true });
  t.after(() => spawnSync("rm", ["-rf", own, stray]));
  endStrays();
  assert.deepEqual([existsSync(own), existsSync(stray)], [true, false]);
  assert.ok(statSync(own).isDirectory());
});
