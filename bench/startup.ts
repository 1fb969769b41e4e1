// startup: from the kill of an instance to its next process being ready, in the sandbox: of the only one on an idle node, and of one of
// two beside calls.
import { setTimeout as delay } from "node:timers/promises";
import type { Up } from "../src/roles/up.ts";
import type { Instance } from "../workers/instance/instance.ts";
import { besideCalls, callsAnswered } from "./support/callers.ts";
import { EXAMPLE_MODELS, TRIVIAL_MODELS, withModels } from "./support/in-process.ts";
import { type Measure, quantile } from "./support/report.ts";
import { LANGUAGES } from "./support/server.ts";

const ROUNDS = { full: 100, quick: 10 };
/** For the trivial model of each language: what its runtime and harness take, without any author's libraries. */
const TARGET_P99_MS: Readonly<Record<string, number>> = { "trivial-python": 150, "trivial-node": 150, "trivial-r": 500, "trivial-java": 500 };
/** By fork, from a process that has loaded scikit-learn. */
const TARGET_P50_MS: Readonly<Record<string, number>> = { "breast-cancer": 60 };
/** Of the calls that both instances answer together. One alone, with a process that starts beside it, can still answer them. */
const SHARE_CALLED = 0.25;

export async function startup(quick: boolean): Promise<Measure[]> {
  const rounds = quick ? ROUNDS.quick : ROUNDS.full;
  return [...(await onIdleNode(rounds)), ...(await besideItsCalls(rounds))];
}

/** Each model in its turn: none is killed again before it has served for a while. */
function onIdleNode(rounds: number): Promise<Measure[]> {
  return withModels([TRIVIAL_MODELS, EXAMPLE_MODELS], 1, async ({ node }, models) => {
    const instances = models.flatMap((model) => node.instancesOf(`${model}/1`).map((instance) => ({ model, instance, took: [] as number[] })));
    for (let round = 0; round < rounds; round++) {
      for (const { instance, took } of instances) took.push(await killedToReadyMs(instance));
    }
    return instances.flatMap(({ model, took }) => measuresOf(`${model}: kill to ready`, took, model));
  });
}

function besideItsCalls(rounds: number): Promise<Measure[]> {
  return withModels([TRIVIAL_MODELS], 2, async (up) => {
    const measures: Measure[] = [];
    for (const model of LANGUAGES.map((language) => `trivial-${language}`)) {
      const answered = await callsAnswered(up.grpcPort, model, 3);
      const perSecond = Math.round(SHARE_CALLED * answered);
      const took = await besideCalls(up.grpcPort, model, perSecond, () => killedByTurns(up, model, rounds));
      measures.push(...measuresOf(`${model}: one of two beside ${perSecond} calls/s, kill to ready`, took, model));
    }
    return measures;
  });
}

function measuresOf(what: string, took: readonly number[], model: string): Measure[] {
  const measure = (share: number, atMost: number | undefined): Measure => ({
    what: `${what}, p${100 * share}`,
    value: quantile(took, share),
    unit: "ms",
    target: atMost === undefined ? null : { atMost },
  });
  return [measure(0.5, TARGET_P50_MS[model]), measure(0.99, TARGET_P99_MS[model])];
}

/** One of the instances by chance, again and again, each time after as long again as the last one took. */
async function killedByTurns({ node }: Up, model: string, rounds: number): Promise<number[]> {
  const instances = node.instancesOf(`${model}/1`);
  const took: number[] = [];
  await delay(1000);
  for (let round = 0; round < rounds; round++) {
    const ms = await killedToReadyMs(instances[Math.floor(Math.random() * instances.length)] as Instance);
    took.push(ms);
    await delay(ms);
  }
  return took;
}

async function killedToReadyMs(instance: Instance): Promise<number> {
  const { generation } = instance;
  const killedAt = performance.now();
  process.kill(instance.pid as number, "SIGKILL");
  while (instance.generation === generation || instance.state.name !== "ready") await delay(1);
  return performance.now() - killedAt;
}
