// startup: from the kill of an instance to its next process being ready, in the sandbox, on an idle node.

import type { Up } from "../src/roles/up.ts";
import type { Instance } from "../workers/instance/instance.ts";
import { withModels } from "./support/in-process.ts";
import { type Measure, median } from "./support/report.ts";

const ROUNDS = { full: 100, quick: 10 };
/** For the trivial model of each language: what its runtime and harness take, without any author's libraries. */
const TARGET_P99_MS: Readonly<Record<string, number>> = { "trivial-python": 150, "trivial-node": 150, "trivial-r": 500, "trivial-java": 500 };
/** By fork, from a process that has loaded scikit-learn. */
const TARGET_P50_MS: Readonly<Record<string, number>> = { "breast-cancer": 60 };

export function startup(quick: boolean): Promise<Measure[]> {
  const rounds = quick ? ROUNDS.quick : ROUNDS.full;
  return withModels(1, async (node, models) => {
    const measures: Measure[] = [];
    for (const model of models) {
      const [instance] = node.node.instancesOf(`${model}/1`);
      if (instance === undefined) continue;
      const took: number[] = [];
      for (let round = 0; round < rounds; round++) took.push(await killedToReadyMs(node, instance));
      took.sort((a, b) => a - b);
      const p99 = took[Math.floor(0.99 * (rounds - 1))] as number;
      measures.push(measureOf(`${model}: kill to ready, p50`, median(took), TARGET_P50_MS[model]));
      measures.push(measureOf(`${model}: kill to ready, p99`, p99, TARGET_P99_MS[model]));
    }
    return measures;
  });
}

function measureOf(what: string, value: number, atMost: number | undefined): Measure {
  return { what, value, unit: "ms", target: atMost === undefined ? null : { atMost } };
}

async function killedToReadyMs(node: Up, instance: Instance): Promise<number> {
  const { generation } = instance;
  const ready = new Promise<void>((resolve) => {
    node.registry.onStatus(() => {
      if (instance.generation > generation && instance.state.name === "ready") resolve();
    });
  });
  const killedAt = performance.now();
  instance.kill("killed: its start is measured");
  await ready;
  return performance.now() - killedAt;
}
