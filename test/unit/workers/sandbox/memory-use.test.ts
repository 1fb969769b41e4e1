import assert from "node:assert/strict";
import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { type Look, lookAt } from "../../../../workers/sandbox/memory-use.ts";
import { processesIn } from "../../../../workers/sandbox/watched-processes.ts";
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

function look(proc: string, limitMiB: number, hold: () => void = () => {}): Look {
  return lookAt(() => processesIn(proc), limitMiB * MIB, hold);
}

/** What a look finds beyond the limit; null: nothing. */
function found(proc: string, limitMiB: number): number | null {
  const { bytes, againMs } = look(proc, limitMiB);
  return againMs === null ? bytes / MIB : null;
}

test("what the processes of a sandbox hold counts together", (t) => {
  const proc = procWith(t, [
    { residentMiB: 60, ownShareMiB: 60 },
    { residentMiB: 50, ownShareMiB: 50 },
  ]);
  assert.equal(found(proc, 100), 110);
  assert.equal(found(proc, 120), null);
});

test("what a fork shares with its parent counts once", (t) => {
  const forked = { residentMiB: 80, ownShareMiB: 40 };
  assert.equal(found(procWith(t, [forked, forked]), 100), null);
  assert.equal(found(procWith(t, [forked, forked]), 70), 80);
});

test("a process that shows nobody its memory counts with all that it holds", (t) => {
  const proc = procWith(t, [{ residentMiB: 80, ownShareMiB: 40 }]);
  rmSync(join(proc, "1", "smaps_rollup"));
  assert.equal(found(proc, 70), 80);
});

test("files that are mapped do not count", (t) => {
  assert.equal(found(procWith(t, [{ residentMiB: 1, ownShareMiB: 1 }]), 2), null);
});

test("a sandbox that is gone holds nothing", () => {
  assert.equal(found("/nowhere", 1), null);
});

test("the nearer the limit, the sooner it is looked at again", (t) => {
  const proc = procWith(t, [{ residentMiB: 60, ownShareMiB: 40 }]);
  const soon = [10_000, 1000, 100, 61].map((limitMiB) => look(proc, limitMiB).againMs);
  assert.deepEqual(soon, [500, 940 / 8, 5, 5]);
});

test("what is held still while it is added up cannot have grown", (t) => {
  const proc = procWith(t, [{ residentMiB: 600, ownShareMiB: 40 }]);
  let holds = 0;
  const hold = (): void => void holds++;
  assert.deepEqual([look(proc, 1000, hold).againMs, holds], [50, 0]);
  assert.deepEqual([look(proc, 440, hold).againMs, holds], [50, 1]);
});
