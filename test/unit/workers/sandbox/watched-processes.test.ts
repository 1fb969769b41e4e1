import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { test } from "node:test";
import { childrenOf } from "../../../../src/process/proc.ts";
import { foldersOf } from "../../../../workers/sandbox/watched-processes.ts";

test("of a sandbox that has no /proc of its own yet, what it has started counts, and not all of the host's", async (t) => {
  const wrapper = spawn("sh", ["-c", "cat; exit"], { stdio: ["pipe", "pipe", "ignore"] });
  t.after(() => wrapper.stdin.end());
  wrapper.stdin.write("started\n");
  await once(wrapper.stdout, "data");
  const pid = wrapper.pid as number;
  assert.deepEqual(foldersOf({ kind: "namespace", wrapper: pid }), [`/proc/${childrenOf(pid)[0]}`]);
});
