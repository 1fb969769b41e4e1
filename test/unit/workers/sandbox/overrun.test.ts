import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { overrunBySignal, overrunIn, overrunOfMemory } from "../../../../workers/sandbox/overrun.ts";
import { PROCESS_LIMITS } from "../../../support/specs.ts";

describe("a limit is known by what a language says of it:", () => {
  const said: readonly (readonly [string, string])[] = [
    ["BlockingIOError [Errno 11] Resource temporarily unavailable", "TOO_MANY_PROCESSES"],
    ["RuntimeError can't start new thread", "TOO_MANY_PROCESSES"],
    ["OutOfMemoryError unable to create native thread: possibly out of memory", "TOO_MANY_PROCESSES"],
    ["Error spawn sleep EAGAIN", "TOO_MANY_PROCESSES"],
    ["unable to fork, possible reason: Resource temporarily unavailable", "TOO_MANY_PROCESSES"],
    ["MemoryError ", "OUT_OF_MEMORY"],
    ["cannot allocate vector of size 30.5 Mb", "OUT_OF_MEMORY"],
    ["FATAL ERROR: Reached heap limit Allocation failed - JavaScript heap out of memory", "OUT_OF_MEMORY"],
    ["OutOfMemoryError Java heap space", "OUT_OF_MEMORY"],
    ["RangeError Failed to allocate memory", "OUT_OF_MEMORY"],
    ["OSError [Errno 24] Too many open files: '/dev/null'", "TOO_MANY_FILES"],
    ["Error ENOSPC: no space left on device, write", "DISK_FULL"],
    ["FileSystemException x.txt: Read-only file system", "MODEL_ERROR"],
  ];
  for (const [text, code] of said) test(text, () => assert.equal(overrunIn(text, PROCESS_LIMITS)?.code, code));

  for (const text of ["ValueError age is negative", "RuntimeError CUDA out of memory", ""])
    test(`nothing in "${text}"`, () => assert.equal(overrunIn(text, PROCESS_LIMITS), null));
});

test("the advice names the limit, its value and where to raise it", () => {
  assert.equal(overrunIn("EAGAIN", PROCESS_LIMITS)?.advice, "the model may have 64 processes and threads; raise limits.pids in model.yaml");
  assert.deepEqual(overrunOfMemory(1.5 * 2 ** 30, PROCESS_LIMITS), {
    code: "OUT_OF_MEMORY",
    advice: "its processes took 1.5GiB of memory; the model may take 1GiB; raise limits.memory in model.yaml",
  });
});

test("a process that wrote too long a file is known by its signal", () => {
  assert.equal(overrunBySignal("SIGXFSZ", PROCESS_LIMITS)?.code, "DISK_FULL");
  assert.equal(overrunBySignal("SIGSEGV", PROCESS_LIMITS), null);
});
