// The Open Inference Protocol over gRPC: what each RPC answers.
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { VERSION } from "../../src/package-root.ts";
import { type Client, type InferResponse, inferRequest, outputsOf } from "../support/client.ts";
import { type Server, startServer } from "../support/server.ts";
import { standardModels } from "../support/standard-models.ts";
import { assertSameTensor, type Element, type SentTensor, tensor } from "../support/tensors.ts";

const COLUMNS = 16;
const A = tensor(
  "INPUT0",
  "INT32",
  Array.from({ length: COLUMNS }, (_, i) => i),
  [1, COLUMNS],
);
const B = tensor("INPUT1", "INT32", new Array(COLUMNS).fill(1), [1, COLUMNS]);
const SUM = tensor(
  "OUTPUT0",
  "INT32",
  Array.from({ length: COLUMNS }, (_, i) => i + 1),
  [1, COLUMNS],
);
const DIFFERENCE = tensor(
  "OUTPUT1",
  "INT32",
  Array.from({ length: COLUMNS }, (_, i) => i - 1),
  [1, COLUMNS],
);

describe("the front door", () => {
  let server: Server;
  let client: Client;
  before(async () => {
    const models = standardModels();
    for (const name of ["echo_datatypes", "fails_to_load"]) models.addFixture(name, "node", name);
    server = await startServer({ models: models.path });
    client = server.client;
  });
  after(() => server.stop());

  test("ServerLive and ServerReady say yes once every model has settled", async () => {
    assert.deepEqual(await client.call("ServerLive", {}), { live: true });
    assert.deepEqual(await client.call("ServerReady", {}), { ready: true });
  });

  test("ModelReady says yes for a model and for one of its versions", async () => {
    assert.deepEqual(await client.call("ModelReady", { name: "simple" }), { ready: true });
    assert.deepEqual(await client.call("ModelReady", { name: "simple", version: "1" }), { ready: true });
  });

  for (const [what, request] of Object.entries({
    "a model that failed to load": { name: "fails_to_load" },
    "an unknown model": { name: "nobody" },
    "an unknown version": { name: "simple", version: "9" },
  })) {
    test(`ModelReady says no for ${what}, and that is no error`, async () => {
      assert.deepEqual(await client.call("ModelReady", request), { ready: false });
    });
  }

  test("ServerMetadata names the server, its version and its extensions", async () => {
    assert.deepEqual(await client.call("ServerMetadata", {}), { name: "idiom", version: VERSION, extensions: ["model_repository"] });
  });

  test("ModelMetadata tells versions, platform and tensors, shapes with the batch dimension", async () => {
    const tensors = (...names: string[]): object[] => names.map((name) => ({ name, datatype: "INT32", shape: ["-1", "16"] }));
    assert.deepEqual(await client.call("ModelMetadata", { name: "simple" }), {
      name: "simple",
      versions: ["1"],
      platform: "node",
      inputs: tensors("INPUT0", "INPUT1"),
      outputs: tensors("OUTPUT0", "OUTPUT1"),
    });
  });

  test("RepositoryIndex lists every version with its state, or only those that are ready", async () => {
    interface Index {
      models: { name: string; state: string; reason: string }[];
    }
    const all = await client.call<Index>("RepositoryIndex", {});
    assert.deepEqual(
      all.models.map(({ name, state }) => [name, state]),
      [
        ["echo_datatypes", "READY"],
        ["fails_to_load", "UNAVAILABLE"],
        ["simple", "READY"],
        ["text", "READY"],
      ],
    );
    assert.match(all.models[1]?.reason ?? "", /cannot find the weights/);
    const ready = await client.call<Index>("RepositoryIndex", { ready: true });
    assert.deepEqual(
      ready.models.map(({ name }) => name),
      ["echo_datatypes", "simple", "text"],
    );
  });

  test("ModelInfer answers with raw contents, the model's name, the version that answered and the caller's id", async () => {
    const answer = await client.modelInfer(inferRequest("simple", [A, B], "typed", { id: "call 42" }));
    assert.deepEqual([answer.model_name, answer.model_version, answer.id], ["simple", "1", "call 42"]);
    assert.deepEqual(
      answer.outputs.map(({ contents }) => contents),
      [null, null],
    );
    assertSameTensor(outputsOf(answer)["OUTPUT0"], SUM);
    assertSameTensor(outputsOf(answer)["OUTPUT1"], DIFFERENCE);
  });

  test("ModelInfer answers the requested outputs in the requested order", async () => {
    const answer = await client.modelInfer(inferRequest("simple", [A, B], "raw", { outputs: [{ name: "OUTPUT1" }, { name: "OUTPUT0" }] }));
    assert.deepEqual(
      answer.outputs.map(({ name }) => name),
      ["OUTPUT1", "OUTPUT0"],
    );
    assertSameTensor(outputsOf(answer)["OUTPUT1"], DIFFERENCE);
    const one = await client.modelInfer(inferRequest("simple", [A, B], "raw", { outputs: [{ name: "OUTPUT0" }] }));
    assert.deepEqual(
      one.outputs.map(({ name }) => name),
      ["OUTPUT0"],
    );
    assert.equal(one.raw_output_contents.length, 1);
  });

  test("parameters that the server does not know are tolerated", async () => {
    const answer = await client.modelInfer(
      inferRequest("simple", [A, B], "raw", { parameters: { colour: { string_param: "green" }, sequence_id: { int64_param: 0 } } }),
    );
    assertSameTensor(outputsOf(answer)["OUTPUT0"], SUM);
  });

  test("empty typed contents beside raw ones are fine", async () => {
    const request = inferRequest("simple", [A, B]);
    const answer = await client.modelInfer({ ...request, inputs: request.inputs.map((input) => ({ ...input, contents: {} })) });
    assertSameTensor(outputsOf(answer)["OUTPUT0"], SUM);
  });

  test("a tensor without elements takes a raw slot both ways", async () => {
    const answer = await client.modelInfer(inferRequest("text", [tensor("x", "BYTES", [])]));
    assert.deepEqual(
      answer.raw_output_contents.map((raw) => raw.length),
      [0],
    );
    assertSameTensor(outputsOf(answer)["y"], tensor("y", "BYTES", []));
  });

  const TYPED: Readonly<Record<string, readonly Element[]>> = {
    BOOL: [true, false],
    INT8: [-128, 127],
    INT16: [-32768, 32767],
    INT32: [-(2 ** 31), 2 ** 31 - 1],
    INT64: [-(2n ** 63n), 2n ** 53n + 1n],
    UINT8: [0, 255],
    UINT16: [0, 65535],
    UINT32: [0, 2 ** 32 - 1],
    UINT64: [2n ** 53n + 1n, 2n ** 64n - 1n],
    FP32: [-0, 1.5, Number.POSITIVE_INFINITY],
    FP64: [-0, 0.1, Number.NaN],
    BYTES: ["text", Buffer.from([0, 0xff])],
  };
  for (const [datatype, elements] of Object.entries(TYPED)) {
    test(`an answer in typed contents carries ${datatype}, when the request asks for it`, async () => {
      const wanted = `y_${datatype.toLowerCase()}`;
      const given = tensor(`x_${datatype.toLowerCase()}`, datatype, elements);
      const request = inferRequest("echo_datatypes", echoInputs(given), "raw", {
        parameters: { binary_data_output: { bool_param: false } },
        outputs: [{ name: wanted }],
      });
      const answer = await client.modelInfer(request);
      assert.deepEqual(answer.raw_output_contents, []);
      assert.deepEqual(typedContents(answer), given.contents);
    });
  }
});

/** A whole request of echo_datatypes: `given`, and every other input without elements. */
function echoInputs(given: SentTensor): SentTensor[] {
  const datatypes = ["BOOL", "INT8", "INT16", "INT32", "INT64", "UINT8", "UINT16", "UINT32", "UINT64", "FP16", "FP32", "FP64", "BF16", "BYTES"];
  return datatypes.map((datatype) => (datatype === given.datatype ? given : tensor(`x_${datatype.toLowerCase()}`, datatype, [])));
}

/** The one field of the only output that holds something. */
function typedContents(answer: InferResponse): object {
  const filled = Object.entries(answer.outputs[0]?.contents ?? {}).filter(([, values]) => values.length > 0);
  return Object.fromEntries(filled);
}
