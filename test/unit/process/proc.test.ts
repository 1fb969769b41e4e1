import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { test } from "node:test";
import { childrenOf, descendantsOf, hasEnded, pidInside } from "../../../src/process/proc.ts";

test("the processes below one are found at any depth", async (t) => {
  // Each shell waits for what it has started.
  const child = spawn("sh", ["-c", "sh -c 'sleep 600; :' & echo begun; wait"], { stdio: ["ignore", "pipe", "ignore"], detached: true });
  t.after(() => process.kill(-(child.pid as number), "SIGKILL"));
  await once(child.stdout, "data");
  const pid = child.pid as number;
  while (descendantsOf(pid).length < 2) await new Promise(setImmediate);
  const [shell, sleep] = descendantsOf(pid) as [number, number];
  assert.deepEqual([childrenOf(pid), childrenOf(shell)], [[shell], [sleep]]);
  assert.ok(descendantsOf(process.pid).includes(sleep));
});

test("in its own namespace a process has the pid that it knows", () => {
  assert.equal(pidInside(process.pid), process.pid);
  assert.equal(pidInside(2 ** 30), null);
});

test("one that nobody has taken notice of has ended", async (t) => {
  const child = spawn("sh", ["-c", "sleep 0 & exec sleep 600"], { stdio: "ignore" });
  t.after(() => child.kill("SIGKILL"));
  const zombies = (): number[] => childrenOf(child.pid as number).filter(hasEnded);
  while (zombies().length === 0) await new Promise(setImmediate);
  assert.equal(hasEnded(child.pid as number), false);
  assert.equal(hasEnded(2 ** 30), true);
});
