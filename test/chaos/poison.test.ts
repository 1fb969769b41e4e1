// Requests that end the process of their model, among others that are merged with them: the others are answered, the culprit is
// found, and the same request again costs no process.
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { type ServiceError, status } from "@grpc/grpc-js";
import type { Instance } from "../../workers/instance/instance.ts";
import { errorCode, failureOf } from "../support/client.ts";
import { type InProcess, startInProcess } from "../support/in-process.ts";
import { LANE_SETTINGS } from "../support/lane.ts";
import { activeLanguages, type Language } from "../support/languages.ts";
import { ModelsFolder } from "../support/models.ts";
import { assertSameTensor, tensor } from "../support/tensors.ts";

const BATCH = 32;
/** Merged, in a piece, and alone twice. */
const DEATHS_TO_FIND_ONE = 4;
/** Rows wait for each other, so that a batch is one frame. */
const YAML = `inputs: [{name: x, datatype: INT32, shape: [-1]}]
outputs: [{name: y, datatype: INT32, shape: [-1]}]
batching: {max_size: ${BATCH}, max_delay: 500ms}
`;

describe("a request that ends processes", () => {
  const languages = activeLanguages();
  const modelOf = (language: Language): string => `poisoned-${language}`;
  let node: InProcess;
  before(
    async () => {
      const models = new ModelsFolder();
      for (const language of languages) models.addFixture("exits_while_serving", language, modelOf(language)).add(modelOf(language), { "model.yaml": YAML });
      node = await startInProcess(models.path, LANE_SETTINGS);
      await node.up.settled();
    },
    { timeout: 60_000 },
  );
  after(() => node.stop());

  const echo = async (model: string, value: number): Promise<void> => {
    const { y } = await node.client.infer(model, [tensor("x", "INT32", [value])]);
    assertSameTensor(y, tensor("y", "INT32", [value]));
  };
  /** As many requests as a frame holds, one of each value; resolves with the errors of the negative ones, all others are answered right. */
  const batch = async (model: string, negatives: readonly number[]): Promise<ServiceError[]> => {
    const others = Array.from({ length: BATCH - negatives.length }, (_, i) => i);
    // In the midst of the others.
    const values = [...others.slice(0, BATCH / 2), ...negatives, ...others.slice(BATCH / 2)];
    const failures: Promise<ServiceError>[] = [];
    const answers: Promise<void>[] = [];
    for (const value of values) {
      if (value < 0) failures.push(failureOf(echo(model, value)));
      else answers.push(echo(model, value));
    }
    await Promise.all(answers);
    return Promise.all(failures);
  };
  const instanceOf = (model: string): Instance => {
    const [instance] = node.up.node.instancesOf(`${model}/1`);
    assert.ok(instance !== undefined);
    return instance;
  };
  const assertPoisonous = (error: ServiceError | undefined): void => {
    assert.deepEqual([error?.code, errorCode(error as ServiceError)], [status.INVALID_ARGUMENT, "POISONOUS_REQUEST"], String(error));
  };

  for (const language of languages) {
    const model = modelOf(language);

    test(`${language}: is found in a merged batch of ${BATCH}: the others are answered`, { timeout: 30_000 }, async () => {
      const { generation } = instanceOf(model);
      const [error, ...none] = await batch(model, [-1]);
      assertPoisonous(error);
      assert.deepEqual(none, []);
      assert.equal(instanceOf(model).generation - generation, DEATHS_TO_FIND_ONE);
    });

    test(`${language}: costs no process when it is sent again`, { timeout: 30_000 }, async () => {
      const { generation } = instanceOf(model);
      const [error] = await batch(model, [-1]);
      assertPoisonous(error);
      assert.equal(instanceOf(model).generation, generation);
    });

    test(`${language}: is found when there are several, and the version serves on`, { timeout: 30_000 }, async () => {
      for (const error of await batch(model, [-2, -3])) assertPoisonous(error);
      await echo(model, 7);
      assert.equal(await node.metric("idiom_instance_transitions_total", { model, to: "quarantined" }), 0);
    });
  }
});
