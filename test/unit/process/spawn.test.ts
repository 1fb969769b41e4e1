import assert from "node:assert/strict";
import { text } from "node:stream/consumers";
import { test } from "node:test";
import { setImmediate as turn } from "node:timers/promises";
import { spawnHarness } from "../../../src/process/spawn.ts";

test("what a process wrote is read to its end, also when this one was held up as it ended", async () => {
  // The pipe is closed a moment after the process has ended.
  const command = ["/bin/sh", "-c", "setsid sleep 0.05 & echo last words"];
  const child = await spawnHarness({ command, env: { PATH: process.env["PATH"] ?? "" }, cwd: "/", transport: "socket", control: false });
  const printed = text(child.stdout);
  while (!child.ended) await turn();
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 400);
  assert.deepEqual([await printed, (await child.exited).code], ["last words\n", 0]);
});
