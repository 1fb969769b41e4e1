import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { PACKAGE_ROOT } from "../../../../src/package-root.ts";
import { endStrays, folderPrefix } from "../../../../workers/sandbox/strays.ts";

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
