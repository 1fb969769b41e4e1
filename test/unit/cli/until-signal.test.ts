import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { test } from "node:test";
import { PACKAGE_ROOT } from "../../../src/package-root.ts";

test("a process that has stopped ends, whatever a library has left running in it", { timeout: 30_000 }, async () => {
  const module = join(PACKAGE_ROOT, "src", "cli", "until-signal.ts");
  const program = `import { stopOnSignal } from "${module}";
    setInterval(() => {}, 1000);
    void stopOnSignal(async () => {});
    console.log("it runs");`;
  const child = spawn(process.execPath, ["--input-type=module", "--eval", program], { stdio: ["ignore", "pipe", "ignore"] });
  await once(child.stdout, "data");
  child.kill("SIGTERM");
  assert.deepEqual(await once(child, "exit"), [0, null]);
});
