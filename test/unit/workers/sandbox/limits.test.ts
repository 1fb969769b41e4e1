import assert from "node:assert/strict";
import { execFileSync, spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { describe, test } from "node:test";
import type { Instances, ModelLimits } from "../../../../src/core/model.ts";
import type { RuntimeDefinition } from "../../../../workers/runtimes.ts";
import { type Allowance, limitsAround, processLimits } from "../../../../workers/sandbox/limits.ts";
import { idiomError } from "../../../support/idiom-error.ts";
import { LIMITS, modelVersion } from "../../../support/specs.ts";

const ALLOWANCE: Allowance = { maxMemoryBytes: 2 ** 31, maxCpus: 2, maxPids: 128, maxTmpBytes: 2 ** 30, network: ["weather"] };
const RUNTIME = { data_headroom_mb: 128, forks: false } as RuntimeDefinition;

const limitsOf = (limits: Partial<ModelLimits>, name = "m"): ReturnType<typeof processLimits> =>
  processLimits(RUNTIME, modelVersion({ name, limits: { ...LIMITS, ...limits } }), ALLOWANCE);

describe("the limits of a model.yaml", () => {
  test("hold as they are where the operator allows them, and leave the runtime its room", () => {
    assert.deepEqual(limitsOf({}), { ...LIMITS, dataBytes: 2 ** 30 + 128 * 2 ** 20, sharedBy: 1, sandboxMemoryBytes: 2 ** 30, sandboxPids: 64 });
  });

  const refused: readonly (readonly [Partial<ModelLimits>, string])[] = [
    [{ memoryBytes: 2 ** 32 }, "limits.memory: 4GiB, which this node does not allow; the operator's configuration says limits.maxMemoryBytes: 2147483648"],
    [{ cpus: 4 }, "limits.cpus: 4, which this node does not allow; the operator's configuration says limits.maxCpus: 2"],
    [{ pids: 129 }, "limits.pids: 129, which this node does not allow; the operator's configuration says limits.maxPids: 128"],
    [{ tmpBytes: 2 ** 31 }, "limits.tmp: 2GiB, which this node does not allow; the operator's configuration says limits.maxTmpBytes: 1073741824"],
    [{ network: true }, "limits.network: allow, which this node does not allow; the operator's configuration says limits.network: [weather]"],
  ];
  for (const [limits, message] of refused) {
    test(`are refused beyond what the operator allows: ${Object.keys(limits)[0]}`, () => {
      assert.throws(() => limitsOf(limits), idiomError("MODEL_INVALID", `model.yaml asks for ${message}`));
    });
  }

  test("leave room for each instance that is forked in one sandbox, for one that replaces another, and for the process that forks them", () => {
    const recycle = { requests: 10, ageMs: null, memoryBytes: null };
    const sharesOf = (instances: Partial<Instances>): number[] => {
      const version = modelVersion({ instances: { min: 1, max: 2, fork: true, recycle: null, ...instances } });
      const { sharedBy, sandboxPids } = processLimits({ ...RUNTIME, forks: true }, version, ALLOWANCE);
      return [sharedBy, sandboxPids];
    };
    assert.deepEqual([{}, { recycle }, { fork: false }].map(sharesOf), [
      [2, 2 * 64 + 1],
      [3, 3 * 64 + 1],
      [1, 64],
    ]);
  });

  test("open the network for the models that the operator names", () => {
    assert.equal(limitsOf({ network: true }, "weather").network, true);
  });
});

test("the words before a command set its limits and make it the first that the kernel ends", () => {
  const [shell, ...words] = limitsAround("taskset", limitsOf({}), 3 * 2 ** 20) as [string, ...string[]];
  const printed = execFileSync(shell, [...words, "cat", "/proc/self/limits", "/proc/self/oom_score_adj"], { encoding: "utf8" });
  const limitOf = (name: string): string | undefined => new RegExp(`^Max ${name} +(\\d+ +\\d+) `, "m").exec(printed)?.[1]?.replace(/ +/, " ");
  const data = 2 ** 30 + 128 * 2 ** 20;
  assert.deepEqual(["data size", "file size", "core file size", "open files", "locked memory"].map(limitOf), [
    `${data} ${data}`,
    `${3 * 2 ** 20} ${3 * 2 ** 20}`,
    "0 0",
    "256 256",
    "0 0",
  ]);
  const score = Math.max(900, Number(readFileSync("/proc/self/oom_score_adj", "utf8")));
  assert.match(printed, new RegExp(`\\n${score}\\n$`));
});

test("a limit that cannot be set ends the start, and says which", () => {
  const [shell, ...words] = limitsAround("taskset", limitsOf({}), 1, "/gone/tasks") as [string, ...string[]];
  const { status, stdout, stderr } = spawnSync(shell, [...words, "echo", "started"], { encoding: "utf8" });
  assert.deepEqual([status, stdout], [1, ""]);
  assert.match(stderr, /its control group cannot be set\n$/);
});

test("a model that asks for one core gets one, and the next model another where there are several", () => {
  const coreOf = (): string => limitsAround("taskset", limitsOf({ cpus: 1 }), 1).at(-1) as string;
  const cores = Array.from({ length: 16 }, coreOf);
  for (const core of cores) assert.match(core, /^\d+$/);
  assert.equal(cores[0] === cores[1], new Set(cores).size === 1);
});
