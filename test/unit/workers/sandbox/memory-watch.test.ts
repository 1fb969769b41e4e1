import assert from "node:assert/strict";
import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { processesIn, watchMemory } from "../../../../workers/sandbox/memory-watch.ts";
import { temporaryFolder } from "../../../support/folders.ts";

const MIB = 2 ** 20;

interface Process {
  readonly residentMiB: number;
  /** Where some of it is shared with other processes, less than `residentMiB`. */
  readonly ownShareMiB: number;
}

/** A folder like /proc with these processes. */
function procWith(t: TestContext, processes: readonly Process[]): string {
  const proc = temporaryFolder(t, { meminfo: "", "self/status": "RssAnon: 999999999 kB\n" });
  processes.forEach(({ residentMiB, ownShareMiB }, i) => {
    const folder = join(proc, String(i + 1));
    mkdirSync(folder);
    writeFileSync(
      join(folder, "status"),
      `Name:\tmodel\nVmRSS:\t${9 * residentMiB * 1024} kB\nRssAnon:\t${residentMiB * 1024} kB\nRssFile:\t999999 kB\nRssShmem:\t0 kB\n`,
    );
    writeFileSync(
      join(folder, "smaps_rollup"),
      `Rss: 999999 kB\nPss: 999999 kB\nPss_Anon: ${(ownShareMiB - 1) * 1024} kB\nPss_File: 99999 kB\nPss_Shmem: 1024 kB\n`,
    );
  });
  return proc;
}

/** What the first look finds beyond the limit; null: nothing. */
function firstLook(proc: string, limitMiB: number): number | null {
  let found: number | null = null;
  const stop = watchMemory(
    () => processesIn(proc),
    limitMiB * MIB,
    (bytes) => {
      found = bytes / MIB;
    },
  );
  stop();
  return found;
}

test("what the processes of a sandbox hold counts together", (t) => {
  const proc = procWith(t, [
    { residentMiB: 60, ownShareMiB: 60 },
    { residentMiB: 50, ownShareMiB: 50 },
  ]);
  assert.equal(firstLook(proc, 100), 110);
  assert.equal(firstLook(proc, 120), null);
});

test("what a fork shares with its parent counts once", (t) => {
  const forked = { residentMiB: 80, ownShareMiB: 40 };
  assert.equal(firstLook(procWith(t, [forked, forked]), 100), null);
  assert.equal(firstLook(procWith(t, [forked, forked]), 70), 80);
});

test("a process that shows nobody its memory counts with all that it holds", (t) => {
  const proc = procWith(t, [{ residentMiB: 80, ownShareMiB: 40 }]);
  rmSync(join(proc, "1", "smaps_rollup"));
  assert.equal(firstLook(proc, 70), 80);
});

test("files that are mapped do not count", (t) => {
  assert.equal(firstLook(procWith(t, [{ residentMiB: 1, ownShareMiB: 1 }]), 2), null);
});

test("a sandbox that is gone holds nothing", () => {
  assert.equal(firstLook("/nowhere", 1), null);
});
