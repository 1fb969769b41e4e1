// What a request must hold to be passed on, and in which words it is refused otherwise.
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import type { Datatype } from "../../../src/core/datatype.ts";
import { RequestValidator } from "../../../src/gateway/request-validation.ts";
import { elements, float32, float64, int32, int64 } from "../../support/bytes.ts";
import { inferMessage, type RequestFields } from "../../support/infer-messages.ts";
import { modelVersion, spec, tensor } from "../../support/specs.ts";
import { INPUT0, INPUT1, PAIR, refused, validate, validateOne } from "../../support/validation.ts";

const RAW = [int32(1, 2), int32(3, 4)];

describe("a request that fits", () => {
  test("has its tensors in the order of the signature, each with its own raw bytes", () => {
    const { inputs } = validate({ inputs: [INPUT1, INPUT0], raw_input_contents: RAW });
    assert.deepEqual(
      inputs.map(({ data }) => Buffer.from(data)),
      [int32(3, 4), int32(1, 2)],
    );
  });

  test("counts the bytes of its tensors", () => {
    assert.equal(validate({ inputs: [INPUT0, INPUT1], raw_input_contents: RAW }).bytes, 16);
  });

  test("passes raw bytes on without copying them", () => {
    const message = inferMessage({ inputs: [INPUT0, INPUT1], raw_input_contents: RAW });
    const { inputs } = new RequestValidator(modelVersion(), PAIR).validate(message);
    assert.equal(inputs[0]?.data, message.raw_input_contents[0]);
  });

  test("may send empty contents beside raw ones", () => {
    const empty = { ...INPUT0, contents: { int_contents: [] } };
    assert.equal(validate({ inputs: [empty, INPUT1], raw_input_contents: RAW }).inputs.length, 2);
  });

  test("may send a tensor without elements, raw or not", () => {
    const x = spec("x", "FP32", [-1, 4]);
    assert.deepEqual(Buffer.from(validateOne(x, { shape: [0, 4] }, Buffer.alloc(0)).inputs[0]?.data as Uint8Array), Buffer.alloc(0));
    assert.deepEqual(Buffer.from(validateOne(x, { shape: [0, 4] }).inputs[0]?.data as Uint8Array), Buffer.alloc(0));
  });

  test("may send a scalar", () => {
    assert.deepEqual(validateOne(spec("x", "FP64", []), { shape: [] }, float64(0.5)).inputs[0]?.shape, []);
  });

  test("may send [n,1] for [n], and keeps the shape that it sent", () => {
    assert.deepEqual(validateOne(spec("x", "FP32", [-1]), { shape: [2, 1] }, float32(1, 2)).inputs[0]?.shape, [2, 1]);
  });

  test("may have parameters that Idiom does not know", () => {
    const parameters = { sequence_id: { int64_param: 7 }, fancy: { bool_param: true } };
    assert.equal(validateOne(spec("x", "FP32", [-1]), {}, float32(1), {}, parameters).inputs.length, 1);
  });
});

describe("a request is refused, in the words that clients know, for", () => {
  const CASES: readonly [what: string, fields: RequestFields, message: string][] = [
    [
      "too few inputs, with those that are missing",
      { inputs: [INPUT0], raw_input_contents: [int32(1, 2)] },
      "expected 2 inputs but got 1 inputs for model 'm'; missing: 'INPUT1'",
    ],
    ["no inputs", { inputs: [] }, "expected 2 inputs but got 0 inputs for model 'm'; missing: 'INPUT0', 'INPUT1'"],
    [
      "too many inputs, with those that there are",
      { inputs: [INPUT0, INPUT1, { ...INPUT0, name: "INPUT2" }], raw_input_contents: [...RAW, int32(5, 6)] },
      "expected 2 inputs but got 3 inputs for model 'm'; it has 'INPUT0', 'INPUT1'",
    ],
    [
      "an input of another name",
      { inputs: [INPUT0, { ...INPUT1, name: "X" }], raw_input_contents: RAW },
      "unexpected inference input 'X' for model 'm'; it has 'INPUT0', 'INPUT1'",
    ],
    ["an input that is there twice", { inputs: [INPUT0, INPUT0], raw_input_contents: RAW }, "input 'INPUT0' is there twice for model 'm'"],
    [
      "another data type",
      { inputs: [{ ...INPUT0, datatype: "FP32" }, INPUT1], raw_input_contents: RAW },
      "inference input 'INPUT0' data-type is 'FP32', but model 'm' expects 'INT32'",
    ],
    [
      "another shape",
      { inputs: [{ ...INPUT0, shape: [1, 3] }, INPUT1], raw_input_contents: [int32(1, 2, 3), int32(3, 4)] },
      "unexpected shape for input 'INPUT0' for model 'm'. Expected [-1,2], got [1,3]",
    ],
    [
      "another rank",
      { inputs: [{ ...INPUT0, shape: [2] }, INPUT1], raw_input_contents: RAW },
      "unexpected shape for input 'INPUT0' for model 'm'. Expected [-1,2], got [2]",
    ],
    [
      "a free dimension in the shape that it sends",
      { inputs: [{ ...INPUT0, shape: [-1, 2] }, INPUT1], raw_input_contents: RAW },
      "unexpected shape for input 'INPUT0' for model 'm'. Expected [-1,2], got [-1,2]",
    ],
    [
      "too few bytes",
      { inputs: [INPUT0, INPUT1], raw_input_contents: [int32(1), int32(3, 4)] },
      "input byte size mismatch for input 'INPUT0' for model 'm'. Expected 8, got 4",
    ],
    [
      "too many bytes",
      { inputs: [INPUT0, INPUT1], raw_input_contents: [int32(1, 2), int32(3, 4, 5)] },
      "input byte size mismatch for input 'INPUT1' for model 'm'. Expected 8, got 12",
    ],
    ["no bytes at all", { inputs: [INPUT0, INPUT1] }, "input byte size mismatch for input 'INPUT0' for model 'm'. Expected 8, got 0"],
    [
      "another number of raw contents",
      { inputs: [INPUT0, INPUT1], raw_input_contents: [int32(1, 2)] },
      "expected 2 raw_input_contents but got 1 for model 'm'",
    ],
    [
      "typed beside raw contents",
      { inputs: [INPUT0, { ...INPUT1, contents: { int_contents: [3, 4] } }], raw_input_contents: RAW },
      "contents field must not be specified when using raw_input_contents for input 'INPUT1' for model 'm'",
    ],
  ];

  for (const [what, fields, message] of CASES) {
    test(what, () => {
      assert.throws(() => validate(fields), refused(message));
    });
  }

  test("a dimension beyond what any memory holds", () => {
    assert.throws(
      () => validateOne(spec("x", "BYTES", [-1]), { shape: ["9223372036854775807"] }, Buffer.alloc(0)),
      refused(/^unexpected shape for input 'x' for model 'm'\. Expected \[-1\], got /),
    );
  });

  test("dimensions whose product is beyond what any memory holds", () => {
    assert.throws(
      () => validateOne(spec("x", "FP32", [-1, -1]), { shape: [2 ** 31 - 1, 2 ** 31 - 1] }, Buffer.alloc(0)),
      refused(/^input byte size mismatch for input 'x' for model 'm'/),
    );
  });
});

describe("BYTES are walked at the door:", () => {
  const x = spec("x", "BYTES", [-1]);
  const message = (bytes: number): string =>
    `input byte size mismatch for input 'x' for model 'm': ${bytes} bytes are not 2 elements of a 4-byte length and as many bytes`;
  const WRONG: Record<string, Buffer> = {
    "too few elements": elements("ab"),
    "too many elements": elements("a", "b", "c"),
    "an element that ends beyond the tensor": elements("a", "b").subarray(0, -1),
    "a length that is torn": Buffer.concat([elements("a"), Buffer.from([1, 0])]),
    "no length prefixes": Buffer.from("plain text"),
    nothing: Buffer.alloc(0),
  };

  test("as many elements as the shape says are fine", () => {
    assert.equal(validateOne(x, { shape: [2] }, elements("größe", "")).bytes, elements("größe", "").length);
  });

  for (const [what, data] of Object.entries(WRONG)) {
    test(`${what} is refused`, () => {
      assert.throws(() => validateOne(x, { shape: [2] }, data), refused(message(data.length)));
    });
  }

  test("a shape of more elements than the bytes could hold is refused without walking them", () => {
    assert.throws(() => validateOne(x, { shape: [1_000_000_000] }, elements("a")), refused(/are not 1000000000 elements/));
  });
});

describe("typed contents become the bytes of their data type:", () => {
  const CASES: readonly [Datatype, field: string, values: unknown[], bytes: Buffer][] = [
    ["BOOL", "bool_contents", [true, false], Buffer.from([1, 0])],
    ["INT8", "int_contents", [-128, 127], Buffer.from([0x80, 0x7f])],
    ["INT16", "int_contents", [-32768, 32767], Buffer.from([0x00, 0x80, 0xff, 0x7f])],
    ["INT32", "int_contents", [-(2 ** 31), 2 ** 31 - 1], int32(-(2 ** 31), 2 ** 31 - 1)],
    ["INT64", "int64_contents", ["-9223372036854775808", "9007199254740993"], int64(-(2n ** 63n), 9007199254740993n)],
    ["UINT8", "uint_contents", [0, 255], Buffer.from([0, 255])],
    ["UINT16", "uint_contents", [0, 65535], Buffer.from([0, 0, 255, 255])],
    ["UINT32", "uint_contents", [0, 2 ** 32 - 1], int32(0, -1)],
    ["UINT64", "uint64_contents", ["18446744073709551615", "9007199254740993"], int64(-1n, 9007199254740993n)],
    ["FP32", "fp32_contents", [0.1, -0], float32(0.1, -0)],
    ["FP64", "fp64_contents", [0.1, Number.POSITIVE_INFINITY], float64(0.1, Number.POSITIVE_INFINITY)],
    ["BYTES", "bytes_contents", [Buffer.from("größe"), Buffer.alloc(0)], elements("größe", "")],
  ];

  for (const [datatype, field, values, bytes] of CASES) {
    test(datatype, () => {
      const { inputs } = validateOne(spec("x", datatype, [-1]), { shape: [2], contents: { [field]: values } });
      assert.deepEqual(Buffer.from(inputs[0]?.data as Uint8Array), bytes);
    });
  }
});

describe("typed contents are refused for", () => {
  const REFUSED: readonly [what: string, Datatype, contents: Record<string, unknown[]>, message: string][] = [
    ["a value below INT8", "INT8", { int_contents: [0, -129] }, "input 'x' for model 'm': element 1 is -129, beyond INT8 (-128 to 127)"],
    ["a value above INT16", "INT16", { int_contents: [32768, 0] }, "input 'x' for model 'm': element 0 is 32768, beyond INT16 (-32768 to 32767)"],
    ["a value above UINT8", "UINT8", { uint_contents: [256, 0] }, "input 'x' for model 'm': element 0 is 256, beyond UINT8 (0 to 255)"],
    ["a value above UINT16", "UINT16", { uint_contents: [0, 65536] }, "input 'x' for model 'm': element 1 is 65536, beyond UINT16 (0 to 65535)"],
    [
      "another data type's field",
      "FP64",
      { fp32_contents: [1, 2] },
      "input 'x' for model 'm' has fp32_contents, but its data-type FP64 belongs into fp64_contents",
    ],
    [
      "a second field beside the right one",
      "INT32",
      { int_contents: [1, 2], int64_contents: [3] },
      "input 'x' for model 'm' has int64_contents, but its data-type INT32 belongs into int_contents",
    ],
    ["FP16, which has none", "FP16", { fp32_contents: [1, 2] }, "input 'x' for model 'm': FP16 has no typed contents; use raw contents"],
    ["BF16, which has none", "BF16", { fp32_contents: [1, 2] }, "input 'x' for model 'm': BF16 has no typed contents; use raw contents"],
    [
      "another number of values than the shape says",
      "INT32",
      { int_contents: [1, 2, 3] },
      "input byte size mismatch for input 'x' for model 'm'. Expected 8, got 12",
    ],
  ];

  for (const [what, datatype, contents, message] of REFUSED) {
    test(what, () => {
      assert.throws(() => validateOne(spec("x", datatype, [-1]), { shape: [2], contents }), refused(message));
    });
  }
});

test("a validated tensor is what the lane expects", () => {
  assert.deepEqual(validateOne(spec("x", "FP32", [-1]), {}, float32(1)).inputs, [tensor("FP32", [1], float32(1))]);
});
