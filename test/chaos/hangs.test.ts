// Calls that hang, in every way that their language reaches: the caller is answered at its deadline, the slot is free again
// soon after, and nobody else pays.
import assert from "node:assert/strict";
import { appendFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { type ServiceError, status } from "@grpc/grpc-js";
import { hasEnded } from "../../src/process/proc.ts";
import type { Instance } from "../../workers/instance/instance.ts";
import { FULL } from "../support/chaos.ts";
import { errorCode, failureOf, inferRequest } from "../support/client.ts";
import { type InProcess, startInProcess } from "../support/in-process.ts";
import { LANE_SETTINGS } from "../support/lane.ts";
import { activeLanguages, type Language } from "../support/languages.ts";
import { fixtureModels, fixtureName } from "../support/models.ts";
import { assertSameTensor, tensor } from "../support/tensors.ts";

/** What each language reaches by itself. */
const HANGS: Record<Language, readonly string[]> = {
  python: ["busy", "native", "sleep", "stop"],
  r: ["busy", "native", "sleep", "stop"],
  java: ["busy", "sleep", "stop"],
  node: ["busy", "sleep", "stop"],
};

const PATIENCE_MS = 300;
const ANSWERED_WITHIN_MS = FULL ? 250 : 2000;
/** Calls that hang one after the other while somebody else waits behind them. */
const IN_A_ROW = 3;

describe("calls that hang", () => {
  const languages = activeLanguages();
  let node: InProcess;
  before(
    async () => {
      node = await startInProcess(fixtureModels(["hangs"], languages).path, LANE_SETTINGS);
      await node.up.settled();
    },
    { timeout: 60_000 },
  );
  after(() => node.stop());

  const call = (model: string, how: string, timeoutMs?: number): Promise<unknown> => {
    const parameters = timeoutMs === undefined ? {} : { parameters: { timeout: { int64_param: timeoutMs * 1000 } } };
    return node.client.modelInfer(inferRequest(model, [tensor("how", "BYTES", [how])], "raw", parameters));
  };
  const failure = async (model: string, how: string): Promise<ServiceError> => {
    const calledAt = performance.now();
    const error = await failureOf(call(model, how, PATIENCE_MS));
    const lateMs = performance.now() - calledAt - PATIENCE_MS;
    assert.ok(lateMs <= ANSWERED_WITHIN_MS, `answered ${Math.round(lateMs)} ms after the deadline`);
    return error;
  };
  const hang = async (model: string, how: string): Promise<void> => {
    const error = await failure(model, how);
    assert.deepEqual([error.code, errorCode(error)], [status.DEADLINE_EXCEEDED, "DEADLINE_EXCEEDED"], String(error));
  };
  const assertAnswers = async (model: string): Promise<void> => {
    const { done } = await node.client.infer(model, [tensor("how", "BYTES", ["not at all"])]);
    assertSameTensor(done, tensor("done", "BYTES", ["not at all"]));
  };

  for (const language of languages) {
    const model = fixtureName("hangs", language);

    for (const how of HANGS[language]) {
      test(`${language}, ${how}: the caller has its answer at its deadline, and the slot serves the next call`, { timeout: 30_000 }, async () => {
        await assertAnswers(model);
        await hang(model, how);
        await assertAnswers(model);
      });
    }

    test(`${language}: calls that hang in a row keep nobody else waiting, and count as no crash`, { timeout: 60_000 }, async () => {
      for (let i = 0; i < IN_A_ROW; i++) {
        const [, waited] = await Promise.all([hang(model, "stop"), answeredIn(() => assertAnswers(model))]);
        assert.ok(waited < 5000, `waited ${Math.round(waited)} ms behind hanging call ${i + 1}`);
      }
      const [instance] = node.up.node.instancesOf(`${model}/1`);
      assert.equal(instance?.state.name, "ready");
      assert.equal(await node.metric("idiom_instance_transitions_total", { model, to: "quarantined" }), 0);
    });
  }
});

async function answeredIn(call: () => Promise<void>): Promise<number> {
  const calledAt = performance.now();
  await call();
  return performance.now() - calledAt;
}

// In a sandbox nobody may ask for it: the attack suite shows that.
test("a process that waits for a tracer is ended at level off, too, and the slot serves the next call", {
  timeout: 30_000,
  skip: !activeLanguages().includes("python"),
}, async (t) => {
  const node = await startInProcess(fixtureModels(["hangs"], ["python"]).path, { ...LANE_SETTINGS, sandbox: "off" });
  t.after(() => node.stop());
  await node.up.settled();
  const call = (how: string): Promise<unknown> => node.client.infer("hangs-python", [tensor("how", "BYTES", [how])]);
  const [instance] = node.up.node.instancesOf("hangs-python/1") as [Instance];
  const { pid } = instance;
  await failureOf(call("traced"));
  assert.ok(hasEnded(pid as number));
  await call("not at all");
});

test("an instance that has stopped while nobody calls it is replaced before somebody does, and its sibling serves on", { timeout: 90_000 }, async (t) => {
  const names = activeLanguages().map((language) => fixtureName("hangs", language));
  const models = fixtureModels(["hangs"], activeLanguages());
  for (const name of names) appendFileSync(join(models.path, name, "model.yaml"), "limits: {timeout: 5s}\ninstances: {min: 2}\n");
  const node = await startInProcess(models.path, LANE_SETTINGS);
  t.after(() => node.stop());
  await node.up.settled();
  const [stopped, siblings] = [0, 1].map((place) => names.map((name) => node.up.node.instancesOf(`${name}/1`)[place] as Instance)) as [Instance[], Instance[]];
  const allReady = (): boolean => [...stopped, ...siblings].every(({ state }) => state.name === "ready");
  if (!allReady()) await node.statusChange(allReady);
  for (const { pid } of stopped) process.kill(pid as number, "SIGSTOP");
  await node.statusChange(() => stopped.every(({ generation, state }) => generation === 2 && state.name === "ready"));
  for (const { lastExit } of stopped) assert.equal(lastExit?.reason, "killed: it was idle and gave no sign of life for 5 s");
  for (const { generation, state } of siblings) assert.deepEqual([generation, state.name], [1, "ready"]);
});
