import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { type TestContext, test } from "node:test";
import { childrenOf, hasEnded } from "../../../../src/process/proc.ts";
import { Forks } from "../../../../workers/sandbox/forks.ts";
import type { Fork } from "../../../../workers/sandbox/launcher.ts";
import { PROCESS_LIMITS } from "../../../support/specs.ts";

/** Sleeps until the test ends. */
function sleeper(t: TestContext): number {
  return started(t, "exec sleep 600");
}

/** A shell with what it starts; all of it ends with the test. */
function started(t: TestContext, script: string): number {
  const pid = spawn("sh", ["-c", script], { stdio: "ignore", detached: true }).pid as number;
  t.after(() => {
    try {
      process.kill(-pid, "SIGKILL");
    } catch {
      // The test has ended all of them.
    }
  });
  return pid;
}

/** A shell that lives on when its children are killed. */
async function parentOf(t: TestContext, children: number): Promise<number> {
  const pid = started(t, `${"sleep 600 & ".repeat(children)} wait; exec sleep 600`);
  while (childrenOf(pid).length < children) await new Promise(setImmediate);
  return pid;
}

interface Sandboxed {
  readonly fork: Fork;
  /** How often the sandbox was ended. */
  readonly ends: () => number;
}

/** The fork of a process in a sandbox with this first process. */
async function adopted(t: TestContext, first: () => number): Promise<Sandboxed> {
  const parent = await parentOf(t, 1);
  let ends = 0;
  const end = (): void => {
    ends++;
  };
  const forks = new Forks({ first, parent: () => parent, hasRunOut: () => false, end }, PROCESS_LIMITS);
  t.after(() => forks.close());
  const fork = forks.adopt(childrenOf(parent)[0] as number);
  assert.ok(fork !== null);
  return { fork, ends: () => ends };
}

test("only a child of the process that forks is taken for its fork", (t) => {
  const forks = new Forks({ first: () => 1, parent: () => sleeper(t), hasRunOut: () => false, end: assert.fail }, PROCESS_LIMITS);
  assert.equal(forks.adopt(process.pid), null);
  assert.deepEqual(forks.living, []);
});

test("what is left behind has ended when a fork's end is dealt with", async (t) => {
  const first = await parentOf(t, 2);
  const left = childrenOf(first);
  const { fork, ends } = await adopted(t, () => first);
  await fork.ended(null);
  assert.deepEqual([left.map(hasEnded), ends()], [[true, true], 0]);
});

test("what is there again as often as it is ended ends the sandbox", async (t) => {
  const first = (): number => {
    sleeper(t);
    return process.pid;
  };
  const { fork, ends } = await adopted(t, first);
  await fork.ended(null);
  assert.equal(ends(), 1);
});
