// What a valid request asks for: its rows, what it may be merged with, content types, outputs, priority, timeout, typed answers.
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import type { Manifest } from "../../../src/core/model.ts";
import type { TensorSpec } from "../../../src/core/signature.ts";
import type { InferRequestMessage } from "../../../src/gateway/inference-messages.ts";
import { RequestValidator, timeoutOf, wantsTypedOutput } from "../../../src/gateway/request-validation.ts";
import { elements, float32, int32 } from "../../support/bytes.ts";
import { type InputFields, inferMessage } from "../../support/infer-messages.ts";
import { batching, modelVersion, signature, spec } from "../../support/specs.ts";
import { INPUT0, INPUT1, PAIR, refused, validate, validateOne } from "../../support/validation.ts";

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
