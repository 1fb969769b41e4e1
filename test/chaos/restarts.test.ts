// Restarts leave nothing behind in the host: no descriptor, no zombie, no memory. IDIOM_CHAOS_RESTARTS asks for the full count.
import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { after, before, describe, test } from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import type { Instance } from "../../workers/instance/instance.ts";
import { type InProcess, startInProcess } from "../support/in-process.ts";
import { LANE_SETTINGS } from "../support/lane.ts";
import { activeLanguages, type Language } from "../support/languages.ts";
import { fixtureModels, fixtureName } from "../support/models.ts";
import { assertSameTensor, tensor } from "../support/tensors.ts";

const RESTARTS = Number(process.env["IDIOM_CHAOS_RESTARTS"] || 10);
/** R and Java take longer to start. */
const SHARE: Record<Language, number> = { python: 1, node: 1, r: 0.02, java: 0.02 };
/** Also before it is counted what there is. */
const FEWEST = 5;
/** Answered between two restarts. */
const CALLS = 20;
/** Until then compiled code, pools of buffers and the heap of young objects grow: by some 20 MiB, and where the machine is slow, late. */
const WARM_UP = { restarts: 1000, calls: 20_000 };
/** Below that the garbage collector's own habits are all that can be seen. */
const MEMORY_TELLS_FROM = 1000;
const MAX_GROWTH_BYTES = 20 * 2 ** 20;
const LOOKS = 10;
const BETWEEN_LOOKS_MS = 7;

describe("restarts", () => {
  const languages = activeLanguages();
  let node: InProcess;
  before(
    async () => {
      node = await startInProcess(fixtureModels(["named"], languages).path, LANE_SETTINGS);
      await node.up.settled();
    },
    { timeout: 60_000 },
  );
  after(() => node.stop());

  for (const language of languages) {
    const restarts = Math.max(FEWEST, Math.round(RESTARTS * SHARE[language]));
    test(`${language}: ${restarts} of them leave no descriptor, no zombie and no memory behind`, { timeout: 60_000 + restarts * 3000 }, async (t) => {
      const model = fixtureName("named", language);
      const [instance] = node.up.node.instancesOf(`${model}/1`);
      assert.ok(instance !== undefined);
      const callTogether = (): Promise<unknown> => Promise.all(Array.from({ length: CALLS }, (_, i) => call(node, model, i)));
      const restart = async (): Promise<void> => {
        await killAndWait(node, model, instance);
        await callTogether();
      };
      const memoryTells = restarts >= MEMORY_TELLS_FROM;
      for (let i = 0; i < (memoryTells ? WARM_UP.restarts : FEWEST); i++) await restart();
      if (memoryTells) for (let i = 0; i < WARM_UP.calls; i += CALLS) await callTogether();
      const before = await holdings();
      for (let i = 0; i < restarts; i++) await restart();
      const after = await holdings();
      t.diagnostic(`descriptors ${before.descriptors} -> ${after.descriptors}, memory ${mib(before.memoryBytes)} -> ${mib(after.memoryBytes)} MiB`);
      assert.deepEqual([after.descriptors, after.zombies], [before.descriptors, 0]);
      if (memoryTells) assert.ok(after.memoryBytes - before.memoryBytes < MAX_GROWTH_BYTES);
    });
  }
});

async function killAndWait(node: InProcess, model: string, instance: Instance): Promise<void> {
  const { generation } = instance;
  const ready = node.statusChange(({ name }) => name === model && instance.generation > generation && instance.state.name === "ready");
  instance.kill("killed: it is restarted");
  await ready;
}

async function call(node: InProcess, model: string, value: number): Promise<void> {
  const answer = await node.client.infer(model, [tensor("a", "INT32", [value, value], [1, 2]), tensor("b", "INT32", [1, 2], [1, 2])]);
  assertSameTensor(answer["sum"], tensor("sum", "INT32", [value + 1, value + 2], [1, 2]));
}

interface Holdings {
  readonly descriptors: number;
  readonly zombies: number;
  readonly memoryBytes: number;
}

/** What this process holds once the last restart's handles are closed. */
async function holdings(): Promise<Holdings> {
  setFlagsFromString("--expose-gc");
  for (let turn = 0; turn < 10; turn++) await new Promise(setImmediate);
  (runInNewContext("gc") as () => void)();
  return { descriptors: await descriptors(), zombies: zombies(), memoryBytes: process.memoryUsage.rss() };
}

/** The fewest of several looks: the thread that watches memory has files open for moments. */
async function descriptors(): Promise<number> {
  let fewest = Number.POSITIVE_INFINITY;
  for (let look = 0; look < LOOKS; look++) {
    fewest = Math.min(fewest, readdirSync("/proc/self/fd").length);
    await delay(BETWEEN_LOOKS_MS);
  }
  return fewest;
}

/** Processes that have ended and that this one has not taken notice of. */
function zombies(): number {
  return readdirSync("/proc")
    .filter((entry) => /^\d+$/.test(entry))
    .filter((pid) => {
      try {
        const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
        const [state, parent] = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
        return state === "Z" && Number(parent) === process.pid;
      } catch {
        return false;
      }
    }).length;
}

function mib(bytes: number): number {
  return Math.round(bytes / 2 ** 20);
}
