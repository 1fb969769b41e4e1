import assert from "node:assert/strict";
import { describe, test } from "node:test";
import type { Datatype } from "../../../src/core/datatype.ts";
import type { InvocationRequest } from "../../../src/core/invocation.ts";
import type { Manifest } from "../../../src/core/model.ts";
import type { Signature, TensorSpec } from "../../../src/core/signature.ts";
import type { InferRequestMessage } from "../../../src/gateway/inference-messages.ts";
import { RequestValidator, timeoutOf, wantsTypedOutput } from "../../../src/gateway/request-validation.ts";
import { elements, float32, float64, int32, int64 } from "../../support/bytes.ts";
import { idiomError } from "../../support/idiom-error.ts";
import { type InputFields, inferMessage, type RequestFields } from "../../support/infer-messages.ts";
import { batching, modelVersion, signature, spec, tensor } from "../../support/specs.ts";

const PAIR = signature(
  [spec("INPUT0", "INT32", [-1, 2]), spec("INPUT1", "INT32", [-1, 2])],
  [spec("OUTPUT0", "INT32", [-1, 2]), spec("OUTPUT1", "INT32", [-1, 2])],
);
const INPUT0: InputFields = { name: "INPUT0", datatype: "INT32", shape: [1, 2] };
const INPUT1: InputFields = { ...INPUT0, name: "INPUT1" };
const RAW = [int32(1, 2), int32(3, 4)];

function validate(fields: RequestFields, model: Signature = PAIR, rest: Partial<Manifest> = {}): InvocationRequest {
  return new RequestValidator(modelVersion(rest), model).validate(inferMessage(fields));
}

/** One input `x` against the signature of one input. */
function validateOne(x: TensorSpec, fields: Partial<InputFields>, raw?: Uint8Array, rest: Partial<Manifest> = {}, parameters: object = {}): InvocationRequest {
  const input = { name: "x", datatype: x.datatype, shape: [1], ...fields };
  return validate({ inputs: [input], parameters, ...(raw === undefined ? {} : { raw_input_contents: [raw] }) }, signature([x], []), rest);
}

const refused = (message: string | RegExp): ReturnType<typeof idiomError> => idiomError("INVALID_REQUEST", message);

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

describe("rows", () => {
  const rows = (shape: number[], rest: Partial<Manifest>): number =>
    validateOne(spec("x", "INT32", [-1, 2]), { shape }, int32(...new Array(shape[0] as number).fill([0, 0]).flat()), rest).rows;

  test("are counted where requests may be merged", () => {
    assert.equal(rows([3, 2], batching(8)), 3);
  });

  test("are not counted where they are never merged", () => {
    assert.equal(rows([3, 2], {}), 0);
  });

  test("may be as many as max_size", () => {
    assert.equal(rows([8, 2], batching(8)), 8);
  });

  test("may not be more than max_size", () => {
    assert.throws(() => rows([9, 2], batching(8)), refused("inference request batch-size must be <= 8 for 'm'; got 9"));
  });

  test("may be any number where requests are never merged", () => {
    assert.equal(validateOne(spec("x", "INT32", [-1]), { shape: [100] }, Buffer.alloc(400)).inputs[0]?.shape[0], 100);
  });

  test("must be equal in all inputs where requests may be merged", () => {
    const fields = { inputs: [INPUT0, { ...INPUT1, shape: [2, 2] }], raw_input_contents: [int32(1, 2), int32(1, 2, 3, 4)] };
    assert.throws(() => validate(fields, PAIR, batching(8)), refused("inputs of model 'm' differ in their rows: 'INPUT0' has 1, 'INPUT1' has 2"));
    assert.equal(validate(fields).inputs.length, 2);
  });
});

describe("the merge key", () => {
  const keyOf = (x: TensorSpec, shape: number[], data: Buffer, parameters: object = {}, rest = batching(8)): string =>
    validateOne(x, { shape, parameters }, data, rest).mergeKey;
  const free = spec("x", "FP32", [-1, -1]);
  const text = spec("x", "BYTES", [-1]);

  test("is empty for a request as the signature says it, so that most requests share one", () => {
    assert.equal(keyOf(spec("x", "FP32", [-1, 2]), [1, 2], float32(1, 2)), "");
  });

  test("is the same whatever the number of rows", () => {
    assert.equal(keyOf(free, [1, 2], float32(1, 2)), keyOf(free, [2, 2], float32(1, 2, 3, 4)));
  });

  test("differs where the trailing dimensions do", () => {
    assert.notEqual(keyOf(free, [2, 1], float32(1, 2)), keyOf(free, [1, 2], float32(1, 2)));
  });

  test("differs between [n] and [n,1]", () => {
    assert.notEqual(keyOf(spec("x", "FP32", [-1]), [2], float32(1, 2)), keyOf(spec("x", "FP32", [-1]), [2, 1], float32(1, 2)));
  });

  test("differs where the content types do", () => {
    const contentType = { content_type: { string_param: "base64" } };
    assert.notEqual(keyOf(text, [1], elements("AA=="), contentType), keyOf(text, [1], elements("AA==")));
  });

  test("tells which input it is that differs", () => {
    const pair = signature([spec("a", "FP32", [-1, -1]), spec("b", "FP32", [-1, -1])], []);
    const key = (a: number, b: number): string =>
      validate(
        {
          inputs: [
            { name: "a", datatype: "FP32", shape: [1, a] },
            { name: "b", datatype: "FP32", shape: [1, b] },
          ],
          raw_input_contents: [Buffer.alloc(a * 4), Buffer.alloc(b * 4)],
        },
        pair,
        batching(8),
      ).mergeKey;
    assert.notEqual(key(1, 2), key(2, 1));
  });

  test("does not depend on the order in which a request names its inputs", () => {
    const wide: InputFields = { name: "a", datatype: "FP32", shape: [1, 3] };
    const other: InputFields = { name: "b", datatype: "FP32", shape: [1, 5] };
    const pair = signature([spec("a", "FP32", [-1, -1]), spec("b", "FP32", [-1, -1])], []);
    const raw = [Buffer.alloc(12), Buffer.alloc(20)];
    assert.equal(
      validate({ inputs: [wide, other], raw_input_contents: raw }, pair, batching(8)).mergeKey,
      validate({ inputs: [other, wide], raw_input_contents: raw.toReversed() }, pair, batching(8)).mergeKey,
    );
  });
});

describe("the content type", () => {
  const contentTypeOf = (x: TensorSpec, data: Buffer, own: string | null, requests: string | null): string | null | undefined => {
    const parameter = (value: string | null): object => (value === null ? {} : { content_type: { string_param: value } });
    return validateOne(x, { parameters: parameter(own) }, data, {}, parameter(requests)).inputs[0]?.contentType;
  };
  const text = spec("x", "BYTES", [-1]);

  test("is the signature's where the request says none", () => {
    assert.equal(contentTypeOf(text, elements("a"), null, null), null);
  });

  test("is the request's where the tensor says none", () => {
    assert.equal(contentTypeOf(text, elements("a"), null, "str"), "str");
  });

  test("is the tensor's where both say one", () => {
    assert.equal(contentTypeOf(text, elements("a"), "base64", "str"), "base64");
  });

  test("of a table or an array says nothing of the elements", () => {
    for (const whole of ["pd", "np"]) assert.equal(contentTypeOf(text, elements("a"), null, whole), null);
  });

  test("is nothing to numbers", () => {
    assert.equal(contentTypeOf(spec("x", "FP32", [-1]), float32(1), "str", null), null);
  });

  test("that nobody knows is none", () => {
    assert.equal(contentTypeOf(text, elements("a"), "csv", null), null);
  });
});

describe("the outputs that a request wants", () => {
  const requested = (...names: string[]): number[] | null =>
    new RequestValidator(modelVersion(), PAIR).requestedOutputs(inferMessage({ inputs: [], outputs: names.map((name) => ({ name })) }));

  test("are all of them where it names none", () => {
    assert.equal(requested(), null);
  });

  test("are those that it names, in its own order", () => {
    assert.deepEqual([requested("OUTPUT1"), requested("OUTPUT1", "OUTPUT0")], [[1], [1, 0]]);
  });

  test("are refused where the model has none of that name", () => {
    assert.throws(() => requested("OUTPUT0", "Y"), refused("unexpected inference output 'Y' for model 'm'; it has 'OUTPUT0', 'OUTPUT1'"));
  });
});

function parameters(fields: object): InferRequestMessage["parameters"] {
  return inferMessage({ inputs: [], parameters: fields }).parameters;
}

describe("the request parameter priority", () => {
  const priority = (value?: object): number =>
    validateOne(spec("x", "FP32", [-1]), {}, float32(1), {}, value === undefined ? {} : { priority: value }).priority;

  for (const [value, expected] of [
    [0, 1],
    [1, 0],
    [2, 1],
    [3, 2],
    [100, 2],
  ] as const) {
    test(`${value} is ${["high", "normal", "low"][expected]}`, () => {
      assert.deepEqual([priority({ uint64_param: value }), priority({ int64_param: value })], [expected, expected]);
    });
  }

  test("is normal where it is not given, or no integer", () => {
    assert.deepEqual([priority(), priority({ string_param: "1" })], [1, 1]);
  });
});

describe("the request parameter timeout", () => {
  test("is in microseconds", () => {
    assert.equal(timeoutOf(parameters({ timeout: { int64_param: 1_500_000 } })), 1500);
    assert.equal(timeoutOf(parameters({ timeout: { uint64_param: 500 } })), 0.5);
  });

  test("is none where it is not given, not positive, or no integer", () => {
    for (const fields of [{}, { timeout: { int64_param: 0 } }, { timeout: { int64_param: -1 } }, { timeout: { string_param: "1" } }]) {
      assert.equal(timeoutOf(parameters(fields)), null);
    }
  });

  test("is none where it is longer than a timer can wait", () => {
    assert.equal(timeoutOf(parameters({ timeout: { int64_param: "2147483648000" } })), null);
    assert.equal(timeoutOf(parameters({ timeout: { uint64_param: "18446744073709551615" } })), null);
  });
});

test("typed answers are given to those alone that ask for them", () => {
  assert.equal(wantsTypedOutput(parameters({ binary_data_output: { bool_param: false } })), true);
  for (const fields of [{}, { binary_data_output: { bool_param: true } }, { binary_data_output: { string_param: "false" } }]) {
    assert.equal(wantsTypedOutput(parameters(fields)), false);
  }
});

test("a validated tensor is what the lane expects", () => {
  assert.deepEqual(validateOne(spec("x", "FP32", [-1]), {}, float32(1)).inputs, [tensor("FP32", [1], float32(1))]);
});
