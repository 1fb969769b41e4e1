import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { type TestContext, test } from "node:test";
import { childrenOf, startTimeOf } from "../../../../src/process/proc.ts";
import { watchMemory } from "../../../../workers/sandbox/memory-watch.ts";
import type { WatchedProcesses } from "../../../../workers/sandbox/watched-processes.ts";

const MIB = 2 ** 20;

/** The pid of a shell that has started a process that takes so much memory, once it is told to. */
async function hoarder(t: TestContext, mib: number): Promise<{ readonly pid: number; readonly take: () => void }> {
  const script = `process.stdin.once("data", () => { globalThis.hoard = Buffer.alloc(${mib} * 2 ** 20, 1); }); console.log("ready")`;
  const child = spawn("sh", ["-c", '"$@"; exit', "sh", process.execPath, "-e", script], { stdio: ["pipe", "pipe", "ignore"] });
  t.after(() => {
    for (const pid of [child.pid as number, ...childrenOf(child.pid as number)]) process.kill(pid, "SIGKILL");
  });
  await once(child.stdout, "data");
  return { pid: child.pid as number, take: () => child.stdin.write("take\n") };
}

function exceeded(group: WatchedProcesses, limitMiB: number): { readonly bytes: Promise<number>; readonly stop: () => void } {
  const { promise, resolve } = Promise.withResolvers<number>();
  return { bytes: promise, stop: watchMemory(group, limitMiB * MIB, resolve) };
}

const tree = (pid: number, without: readonly number[] = []): WatchedProcesses => ({
  kind: "tree",
  pid,
  without: without.map((each) => ({ pid: each, startTime: startTimeOf(each) ?? "" })),
});

test("what grows beyond its limit is told once, and held still until nobody watches it any more", async (t) => {
  const { pid, take } = await hoarder(t, 300);
  const watched = [exceeded(tree(pid), 300), exceeded({ kind: "below", pid }, 300)];
  take();
  for (const { bytes } of watched) assert.ok((await bytes) > 300 * MIB);
  const all = [pid, ...childrenOf(pid)];
  const areHeld = (): boolean => all.every((each) => /^State:\s+T/m.test(readFileSync(`/proc/${each}/status`, "utf8")));
  assert.ok(areHeld());
  for (const { stop } of watched) stop();
  while (areHeld()) await new Promise(setImmediate);
});

test("what is counted elsewhere does not count for whoever has started it, and nobody hears of what is watched no more", async (t) => {
  const { pid, take } = await hoarder(t, 300);
  const alone = exceeded(tree(pid, childrenOf(pid)), 100);
  const stopped = exceeded(tree(pid), 300);
  stopped.stop();
  for (const { bytes } of [alone, stopped]) void bytes.then(() => assert.fail("nothing of this was exceeded"));
  const watched = exceeded(tree(pid), 300);
  take();
  assert.ok((await watched.bytes) > 300 * MIB);
});
