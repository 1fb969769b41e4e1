import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync } from "node:fs";
import { dirname, join } from "node:path";
import { describe, test } from "node:test";
import { type ControlGroup, ControlGroups } from "../../../../workers/sandbox/control-groups.ts";
import { limitsAround } from "../../../../workers/sandbox/limits.ts";
import { folderPrefix } from "../../../../workers/sandbox/strays.ts";
import { PROCESS_LIMITS } from "../../../support/specs.ts";

const MIB = 2 ** 20;
/** Above that of the groups. */
const LIMITS = { ...PROCESS_LIMITS, dataBytes: 4096 * MIB };

const groups = await ControlGroups.open();

describe("control groups", { skip: groups === null && "this process may not divide its own" }, () => {
  const make = (): ControlGroup => (groups as ControlGroups).make(256 * MIB);
  /** The signal that a member ended by. */
  const run = ({ members }: ControlGroup, script: string): NodeJS.Signals | null => {
    const [shell, ...words] = limitsAround("taskset", LIMITS, MIB, members) as [string, ...string[]];
    return spawnSync(shell, [...words, process.execPath, "-e", script]).signal;
  };
  const folderOf = ({ members }: ControlGroup): string => dirname(members);

  test("what takes more memory than its group may is ended, and told once", () => {
    const group = make();
    assert.equal(run(group, `Buffer.alloc(${100 * MIB}, 1)`), null);
    assert.equal(group.hasRunOut(), false);
    assert.equal(run(group, `Buffer.alloc(${400 * MIB}, 1)`), "SIGKILL");
    assert.deepEqual([group.hasRunOut(), group.hasRunOut()], [true, false]);
    group.remove();
    assert.deepEqual([existsSync(folderOf(group)), group.hasRunOut()], [false, false]);
  });

  test("groups of a host that is no more are removed at the next start, those of a living one are not", async () => {
    const living = make();
    const stray = join(dirname(folderOf(living)), `${folderPrefix().replace(/^(idiom-host-\d+)-\d+-/, "$1-1-")}0`);
    mkdirSync(stray);
    await ControlGroups.open();
    assert.deepEqual([folderOf(living), stray].map(existsSync), [true, false]);
    living.remove();
  });
});
