import assert from "node:assert/strict";
import { chmodSync, realpathSync, symlinkSync } from "node:fs";
import { dirname, join } from "node:path";
import { type TestContext, test } from "node:test";
import { PACKAGE_ROOT } from "../../../../src/package-root.ts";
import type { RuntimeDefinition } from "../../../../workers/runtimes.ts";
import { checkReachable, mountsOf, systemMounts, systemPaths, visiblePaths } from "../../../../workers/sandbox/visible.ts";
import { temporaryFolder } from "../../../support/folders.ts";

const RUNTIME = { language: "python", folder: join(PACKAGE_ROOT, "runtimes", "python") } as RuntimeDefinition;
const HARNESS = join(RUNTIME.folder, "harness");

/** A folder with an installation in `opt`, a data folder and a model. */
function machine(t: TestContext): { opt: string; data: string; model: string } {
  const folder = temporaryFolder(t, { "opt/bin/python3": "", "opt/lib/x": "", "data/environments/python/lib/x": "", "model/model.py": "" });
  chmodSync(join(folder, "opt/bin/python3"), 0o755);
  return { opt: join(folder, "opt"), data: join(folder, "data"), model: join(folder, "model") };
}

test("a model sees its harness, its environment, its folder, and an interpreter that is not the system's", (t) => {
  const { opt, data, model } = machine(t);
  assert.deepEqual(visiblePaths(RUNTIME, [join(opt, "bin/python3")], [model], data).sort(), [HARNESS, join(data, "environments/python"), model, opt].sort());
});

test("what lies below something else that is visible is not mounted again", (t) => {
  const { data, model } = machine(t);
  assert.deepEqual(
    visiblePaths(RUNTIME, ["/usr/bin/env"], [model, join(model, "model.py")], data).sort(),
    [HARNESS, join(data, "environments/python"), model].sort(),
  );
});

test("an interpreter of this package shows itself and not the package", (t) => {
  const { data, model } = machine(t);
  const paths = visiblePaths(RUNTIME, [process.execPath], [model], data);
  assert.ok(paths.includes(process.execPath) || process.execPath.startsWith("/usr/"));
  assert.ok(!paths.some((path) => PACKAGE_ROOT.startsWith(path)));
});

test("every folder on the way is named, and what a link stands for is what is shown", (t) => {
  const { opt, model } = machine(t);
  const link = join(opt, "link");
  symlinkSync(model, link);
  const words = mountsOf([link]);
  assert.deepEqual(words.slice(-3), ["--ro-bind", realpathSync(model), link]);
  assert.ok(words.join(" ").includes(`--dir ${opt} --ro-bind`));
});

test("what is ours is hidden where it lies below /usr", () => {
  const words = systemMounts(false, ["/usr/src/idiom", "/srv/idiom"]).join(" ");
  assert.ok(words.endsWith("--perms 0755 --tmpfs /usr/src/idiom"));
});

test("landlock is told what lies beside what is ours, where that lies below /usr", () => {
  const paths = systemPaths(false, ["/usr/bin"]);
  assert.ok(!paths.some((path) => path === "/usr" || path === "/usr/bin" || path.startsWith("/usr/bin/")));
  assert.ok(paths.includes("/usr/lib"));
});

test("a folder that a model's own user could not pass is named, with what opens it", (t) => {
  const { model } = machine(t);
  const closed = dirname(model);
  chmodSync(closed, 0o700);
  assert.throws(
    () => checkReachable([join(model, "model.py")]),
    (error: Error) => error.message.startsWith(`${closed} is closed to others`) && error.message.includes(`chmod o+x ${closed}`),
  );
  chmodSync(closed, 0o711);
  checkReachable([join(model, "model.py")]);
});

test("name service and certificates are there for models with network alone", () => {
  assert.ok(!systemMounts(false, []).includes("/etc/hosts"));
  assert.ok(systemMounts(true, []).includes("/etc/hosts"));
});
