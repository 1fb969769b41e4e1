// What is wrong with a request is said at the door: status, code and words, before any runtime sees it.
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { status } from "@grpc/grpc-js";
import { errorCode, failureOf, type InferRequest, inferRequest } from "../support/client.ts";
import { type Server, startServer } from "../support/server.ts";
import { standardModels } from "../support/standard-models.ts";
import { assertSameTensor, rawTensor, tensor } from "../support/tensors.ts";

const COLUMNS = 16;

function input(name: string, rows = 1, columns = COLUMNS): ReturnType<typeof tensor> {
  return tensor(name, "INT32", new Array(rows * columns).fill(7), [rows, columns]);
}

const A = input("INPUT0");
const B = input("INPUT1");

interface Case {
  readonly request: InferRequest;
  readonly code: status;
  readonly idiom: string;
  readonly message: string;
}

function refused(request: InferRequest, message: string): Case {
  return { request, code: status.INVALID_ARGUMENT, idiom: "INVALID_REQUEST", message };
}

const simple = (...inputs: Parameters<typeof inferRequest>[1]): InferRequest => inferRequest("simple", inputs);
const echo = (datatype: string, field: string, value: number): InferRequest => ({
  model_name: "typed",
  inputs: [{ name: "x", datatype, shape: [1], contents: { [field]: [value] } }],
});

const CASES: Readonly<Record<string, Case>> = {
  "an unknown model": {
    request: inferRequest("nobody", [A, B]),
    code: status.NOT_FOUND,
    idiom: "MODEL_NOT_FOUND",
    message: "Request for unknown model: 'nobody' is not found",
  },
  "an unknown version": {
    request: inferRequest("simple", [A, B], "raw", { model_version: "9" }),
    code: status.NOT_FOUND,
    idiom: "MODEL_NOT_FOUND",
    message: "version 9 is not found",
  },
  "a version that is no number": refused(
    inferRequest("simple", [A, B], "raw", { model_version: "latest" }),
    "failed to get model version from specified version string",
  ),
  "a model that is not ready": {
    request: inferRequest("fails_to_load", [tensor("x", "INT32", [1])]),
    code: status.UNAVAILABLE,
    idiom: "MODEL_NOT_READY",
    message: "is not at ready state",
  },
  "too few inputs": refused(simple(A), "expected 2 inputs but got 1 inputs for model 'simple'; missing: 'INPUT1'"),
  "too many inputs": refused(simple(A, B, input("INPUT2")), "expected 2 inputs but got 3 inputs for model 'simple'"),
  "an unknown input": refused(simple(A, input("X")), "unexpected inference input 'X' for model 'simple'"),
  "an input that is there twice": refused(simple(A, A), "input 'INPUT0' is there twice for model 'simple'"),
  "an unknown output": refused(inferRequest("simple", [A, B], "raw", { outputs: [{ name: "X" }] }), "unexpected inference output 'X' for model 'simple'"),
  "another data type": refused(
    simple(A, rawTensor("INPUT1", "FP32", [1, COLUMNS], Buffer.alloc(64))),
    "inference input 'INPUT1' data-type is 'FP32', but model 'simple' expects 'INT32'",
  ),
  "a data type that does not exist": refused(
    simple(A, rawTensor("INPUT1", "INT128", [1, COLUMNS], Buffer.alloc(64))),
    "inference input 'INPUT1' data-type is 'INT128', but model 'simple' expects 'INT32'",
  ),
  "another shape": refused(simple(A, input("INPUT1", 1, 15)), "unexpected shape for input 'INPUT1' for model 'simple'. Expected [-1,16], got [1,15]"),
  "a dimension too many": refused(
    simple(A, rawTensor("INPUT1", "INT32", [1, 1, COLUMNS], Buffer.alloc(64))),
    "unexpected shape for input 'INPUT1' for model 'simple'. Expected [-1,16], got [1,1,16]",
  ),
  "a free dimension in the request": refused(
    simple(A, rawTensor("INPUT1", "INT32", [-1, COLUMNS], Buffer.alloc(64))),
    "unexpected shape for input 'INPUT1' for model 'simple'. Expected [-1,16], got [-1,16]",
  ),
  "a dimension beyond 2^31 - 1": refused(
    inferRequest("table", [rawTensor("x", "INT32", [0, 2 ** 31], Buffer.alloc(0))]),
    "unexpected shape for input 'x' for model 'table'. Expected [-1,-1], got [0,2147483648]",
  ),
  "too few bytes": refused(
    simple(A, { ...B, data: B.data.subarray(4) }),
    "input byte size mismatch for input 'INPUT1' for model 'simple'. Expected 64, got 60",
  ),
  "more rows than a frame may have": refused(simple(input("INPUT0", 9), input("INPUT1", 9)), "inference request batch-size must be <= 8 for 'simple'"),
  "inputs that differ in their rows": refused(simple(input("INPUT0", 2), B), "inputs of model 'simple' differ in their rows: 'INPUT0' has 2, 'INPUT1' has 1"),
  "fewer raw contents than inputs": refused({ ...simple(A, B), raw_input_contents: [A.data] }, "expected 2 raw_input_contents but got 1 for model 'simple'"),
  "typed beside raw contents": refused(
    { ...inferRequest("simple", [A, B], "typed"), raw_input_contents: [A.data, B.data] },
    "contents field must not be specified when using raw_input_contents for input 'INPUT0' for model 'simple'",
  ),
  "no contents at all": refused(
    { ...inferRequest("simple", [A, B]), raw_input_contents: [] },
    "input byte size mismatch for input 'INPUT0' for model 'simple'. Expected 64, got 0",
  ),
  "a BYTES element that runs beyond the end": refused(
    inferRequest("text", [rawTensor("x", "BYTES", [1], Buffer.from("0500000061626364", "hex"))]),
    "input byte size mismatch for input 'x' for model 'text': 8 bytes are not 1 elements",
  ),
  "bytes after the last BYTES element": refused(
    inferRequest("text", [rawTensor("x", "BYTES", [1], Buffer.from("010000006162", "hex"))]),
    "input byte size mismatch for input 'x' for model 'text': 6 bytes are not 1 elements",
  ),
  "a BYTES length that is torn": refused(
    inferRequest("text", [rawTensor("x", "BYTES", [1], Buffer.from("0100", "hex"))]),
    "input byte size mismatch for input 'x' for model 'text': 2 bytes are not 1 elements",
  ),
  "a typed value in another data type's field": refused(
    echo("INT8", "int64_contents", 1),
    "input 'x' for model 'typed' has int64_contents, but its data-type INT8 belongs into int_contents",
  ),
  "a typed value beyond its data type": refused(echo("INT8", "int_contents", 128), "input 'x' for model 'typed': element 0 is 128, beyond INT8 (-128 to 127)"),
  "typed contents for a data type that has none": refused(
    { model_name: "half", inputs: [{ name: "x", datatype: "FP16", shape: [1], contents: { fp32_contents: [1] } }] },
    "FP16 has no typed contents; use raw contents",
  ),
};

describe("a request is refused in words", () => {
  let server: Server;
  before(async () => {
    const models = standardModels().addFixture("fails_to_load", "node", "fails_to_load");
    const echoOf = (tensors: string): Record<string, string> => ({
      "model.yaml": `inputs: [{name: x, ${tensors}}]\noutputs: [{name: y, ${tensors}}]\n`,
      "model.mjs": "export default ({ x }) => ({ y: x });\n",
    });
    models.add("table", echoOf("datatype: INT32, shape: [-1, -1]"));
    models.add("typed", echoOf("datatype: INT8, shape: [-1]"));
    models.add("half", echoOf("datatype: FP16, shape: [-1]"));
    server = await startServer({ models: models.path });
  });
  after(() => server.stop());

  for (const [what, { request, code, idiom, message }] of Object.entries(CASES)) {
    test(`for ${what}`, async () => {
      const error = await failureOf(server.client.modelInfer(request));
      assert.deepEqual([status[error.code], errorCode(error)], [status[code], idiom], error.details);
      assert.ok(error.details.includes(message), `"${message}" is not in "${error.details}"`);
    });
  }

  test("and no instance has seen any of it", async () => {
    for (const model of ["simple", "text", "table", "typed", "half"]) {
      assert.equal(await server.metric("idiom_merged_requests_count", { model }), 0, model);
      assert.equal(await server.metric("idiom_instance_transitions_total", { model, from: "ready" }), 0, model);
    }
  });

  for (const [what, request, code] of [
    ["of an unknown model", { name: "nobody" }, status.NOT_FOUND],
    ["of a model that is not ready", { name: "fails_to_load" }, status.UNAVAILABLE],
    ["of a version that is no number", { name: "simple", version: "x" }, status.INVALID_ARGUMENT],
  ] as const) {
    test(`for the metadata ${what}`, async () => {
      assert.equal((await failureOf(server.client.call("ModelMetadata", request))).code, code);
    });
  }

  test("an RPC that is not offered is UNIMPLEMENTED", async () => {
    const error = await failureOf(server.client.sendBytes("ModelConfig", Buffer.alloc(0)));
    assert.equal(error.code, status.UNIMPLEMENTED);
  });

  test("a message that is no protobuf is refused, and the server serves on", async () => {
    const error = await failureOf(server.client.sendBytes("ModelInfer", Buffer.from("ffffffffff", "hex")));
    assert.equal(error.code, status.INTERNAL);
    const answer = await server.client.infer("simple", [A, B]);
    assertSameTensor(answer["OUTPUT1"], tensor("OUTPUT1", "INT32", new Array(COLUMNS).fill(0), [1, COLUMNS]));
  });
});
