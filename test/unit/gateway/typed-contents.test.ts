import assert from "node:assert/strict";
import { describe, test } from "node:test";
import type { Datatype } from "../../../src/core/datatype.ts";
import { encodeInferResponse, INFERENCE_PACKAGE } from "../../../src/gateway/inference-messages.ts";
import { contentsFromRaw } from "../../../src/gateway/typed-contents.ts";
import { elements, float32, float64, int32, int64 } from "../../support/bytes.ts";
import { idiomError } from "../../support/idiom-error.ts";

interface Method {
  readonly ModelInfer: { responseDeserialize(bytes: Buffer): { readonly outputs: readonly { readonly contents: Record<string, unknown[]> }[] } };
}

/** What a client reads of an output's typed contents: the fields that are not empty, 64-bit integers as decimal text. */
function clientReads(datatype: Datatype, raw: Buffer): Record<string, unknown[]> {
  const outputs = [{ name: "y", datatype, shape: [], contents: contentsFromRaw("y", datatype, raw) }];
  const bytes = encodeInferResponse({ model_name: "m", model_version: "1", id: "", outputs, raw_output_contents: [] });
  const { ModelInfer } = INFERENCE_PACKAGE["inference.GRPCInferenceService"] as unknown as Method;
  const contents = ModelInfer.responseDeserialize(bytes).outputs[0]?.contents ?? {};
  return Object.fromEntries(Object.entries(contents).filter(([, values]) => values.length > 0));
}

describe("a client that asks for typed contents reads the values of", () => {
  const CASES: readonly [Datatype, Buffer, Record<string, unknown[]>][] = [
    ["BOOL", Buffer.from([1, 0]), { bool_contents: [true, false] }],
    ["INT8", Buffer.from([0x80, 0x7f]), { int_contents: [-128, 127] }],
    ["INT16", Buffer.from([0x00, 0x80]), { int_contents: [-32768] }],
    ["INT32", int32(-(2 ** 31), 7), { int_contents: [-(2 ** 31), 7] }],
    ["INT64", int64(-(2n ** 63n), 9007199254740993n), { int64_contents: ["-9223372036854775808", "9007199254740993"] }],
    ["UINT8", Buffer.from([255]), { uint_contents: [255] }],
    ["UINT16", Buffer.from([0xff, 0xff]), { uint_contents: [65535] }],
    ["UINT32", int32(-1), { uint_contents: [4294967295] }],
    ["UINT64", int64(-1n), { uint64_contents: ["18446744073709551615"] }],
    ["FP32", float32(0.5, Number.NaN), { fp32_contents: [0.5, Number.NaN] }],
    ["FP64", float64(0.1), { fp64_contents: [0.1] }],
    ["BYTES", elements("größe", ""), { bytes_contents: [Buffer.from("größe"), Buffer.alloc(0)] }],
  ];

  for (const [datatype, raw, contents] of CASES) {
    test(datatype, () => {
      assert.deepEqual(clientReads(datatype, raw), contents);
    });
  }

  test("data that are not aligned", () => {
    const shifted = Buffer.concat([Buffer.from([9]), float64(0.1)]).subarray(1);
    assert.deepEqual(clientReads("FP64", shifted), { fp64_contents: [0.1] });
  });
});

for (const datatype of ["FP16", "BF16"] as const) {
  test(`${datatype} has no typed contents to ask for`, () => {
    assert.throws(
      () => contentsFromRaw("y", datatype, Buffer.alloc(2)),
      idiomError("INVALID_REQUEST", `output 'y': ${datatype} has no typed contents; use raw contents`),
    );
  });
}
