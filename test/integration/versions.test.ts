// Numbered versions of one model: which one answers.
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { status } from "@grpc/grpc-js";
import { errorCode, failureOf, inferRequest, outputsOf } from "../support/client.ts";
import { ModelsFolder } from "../support/models.ts";
import { type Server, startServer } from "../support/server.ts";
import { assertSameTensor, tensor } from "../support/tensors.ts";

const YAML = "inputs: [{name: x, datatype: INT32, shape: [-1]}]\noutputs: [{name: y, datatype: INT32, shape: [-1]}]\n";

/** A model that answers its version for each element. */
function answering(version: number): Readonly<Record<string, string>> {
  return { "model.yaml": YAML, "model.mjs": `export default ({ x }) => ({ y: x.data.fill(${version}) });\n` };
}

describe("versions of a model", () => {
  let server: Server;
  before(async () => {
    const models = new ModelsFolder()
      .add("whole/2", answering(2))
      .add("whole/10", answering(10))
      .add("broken-code/1", answering(1))
      .add("broken-code/2", { "model.yaml": YAML, "model.mjs": "throw new Error('no weights');\n" })
      .add("broken-yaml/1", answering(1))
      .add("broken-yaml/2", { ...answering(2), "model.yaml": "inptus: []\n" });
    server = await startServer({ models: models.path });
  });
  after(() => server.stop());

  const answeredBy = async (model: string, version: string): Promise<string> => {
    const answer = await server.client.modelInfer(inferRequest(model, [tensor("x", "INT32", [0])], "raw", { model_version: version }));
    assertSameTensor(outputsOf(answer)["y"], tensor("y", "INT32", [Number(answer.model_version)]));
    return answer.model_version;
  };

  test("the newest one answers a request that names none; 10 is newer than 2", async () => {
    assert.equal(await answeredBy("whole", ""), "10");
  });

  test("the one that a request names answers it", async () => {
    assert.equal(await answeredBy("whole", "2"), "2");
  });

  test("the metadata lists all of them, or the one that is named", async () => {
    const versions = async (request: object): Promise<string[]> => (await server.client.call<{ versions: string[] }>("ModelMetadata", request)).versions;
    assert.deepEqual(await versions({ name: "whole" }), ["2", "10"]);
    assert.deepEqual(await versions({ name: "whole", version: "2" }), ["2"]);
  });

  for (const [model, reason] of [
    ["broken-code", /no weights/],
    ["broken-yaml", /model\.yaml:1:1: unknown key 'inptus'/],
  ] as const) {
    test(`${model}: an older version answers while the newest is broken`, async () => {
      assert.equal(await answeredBy(model, ""), "1");
      assert.deepEqual(await server.client.call("ModelReady", { name: model }), { ready: true });
      assert.deepEqual(await server.client.call("ModelReady", { name: model, version: "2" }), { ready: false });
    });

    test(`${model}: the broken version is UNAVAILABLE and says why`, async () => {
      const error = await failureOf(server.client.modelInfer(inferRequest(model, [tensor("x", "INT32", [0])], "raw", { model_version: "2" })));
      assert.deepEqual([status[error.code], errorCode(error)], ["UNAVAILABLE", "MODEL_NOT_READY"]);
      assert.match(error.details, reason);
    });
  }
});
