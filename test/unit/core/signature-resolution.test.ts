import assert from "node:assert/strict";
import { describe, test } from "node:test";
import type { SignatureHints, TensorHint } from "../../../src/core/signature.ts";
import { resolveSignature, type SignatureSource } from "../../../src/core/signature-resolution.ts";
import { idiomError } from "../../support/idiom-error.ts";
import { hint, spec } from "../../support/specs.ts";

const Y: readonly TensorHint[] = [hint("y", { datatype: "FP64", shape: [-1] })];

function source(name: string, inputs: SignatureHints["inputs"], outputs: SignatureHints["outputs"] = Y): SignatureSource {
  return { name, hints: { inputs, outputs } };
}

function resolveInputs(...sources: SignatureSource[]): readonly object[] {
  return resolveSignature(sources).inputs;
}

describe("a signature out of several sources", () => {
  test("is what the only source that knows it says", () => {
    assert.deepEqual(resolveSignature([source("model.yaml", [hint("x", { datatype: "FP32", shape: [-1, 4] })])]), {
      inputs: [spec("x", "FP32", [-1, 4])],
      outputs: [spec("y", "FP64", [-1])],
    });
  });

  test("takes each field from the first source that knows it", () => {
    const inputs = resolveInputs(
      source("model.yaml", [hint("x", { contentType: "str" })]),
      source("the types", [hint("x", { datatype: "BYTES" })]),
      source("the golden files", [hint("x", { datatype: "BYTES", shape: [-1] })]),
    );
    assert.deepEqual(inputs, [spec("x", "BYTES", [-1], { contentType: "str" })]);
  });

  test("keeps the order of the strongest source that names the tensors", () => {
    const inputs = resolveInputs(
      source("the types", [hint("b"), hint("a")]),
      source("the golden files", [hint("a", { datatype: "INT32", shape: [-1] }), hint("b", { datatype: "INT64", shape: [-1] })]),
    );
    assert.deepEqual(inputs, [spec("b", "INT64", [-1]), spec("a", "INT32", [-1])]);
  });

  test("may have its inputs from one source and its outputs from another", () => {
    const resolved = resolveSignature([source("model.yaml", null, Y), source("the types", [hint("x", { datatype: "FP32", shape: [-1] })], null)]);
    assert.deepEqual(resolved, { inputs: [spec("x", "FP32", [-1])], outputs: [spec("y", "FP64", [-1])] });
  });

  test("carries the missing value and the levels of the strongest source that has them", () => {
    const inputs = resolveInputs(
      source("model.yaml", [hint("x", { datatype: "BYTES", shape: [-1], na: "?" })]),
      source("the artifact", [hint("x", { na: "", levels: ["low", "high"] })]),
    );
    assert.deepEqual(inputs, [spec("x", "BYTES", [-1], { na: "?", levels: ["low", "high"] })]);
  });

  test("takes false and 0 for missing values like any other", () => {
    const inputs = resolveInputs(
      source("model.yaml", [hint("x", { datatype: "BOOL", shape: [-1], na: false })]),
      source("the artifact", [hint("x", { na: true })]),
    );
    assert.deepEqual(inputs, [spec("x", "BOOL", [-1], { na: false })]);
  });
});

describe("a single result, which has no name in the code,", () => {
  const unnamed = [hint("output", { datatype: "FP64" })];
  const x = [hint("x", { datatype: "FP32", shape: [-1] })];

  test("takes the name that another source gives it", () => {
    const { outputs } = resolveSignature([source("the types", x, unnamed), source("the golden files", null, [hint("p", { shape: [-1] })])]);
    assert.deepEqual(outputs, [spec("p", "FP64", [-1])]);
  });

  test("is called output where nobody names it", () => {
    const { outputs } = resolveSignature([source("the types", x, unnamed), source("the golden files", null, [hint("output", { shape: [-1] })])]);
    assert.deepEqual(outputs, [spec("output", "FP64", [-1])]);
  });

  test("does not take the name of one among several", () => {
    assert.throws(
      () => resolveSignature([source("the types", x, unnamed), source("the golden files", null, [hint("p"), hint("q")])]),
      idiomError("MODEL_INVALID", "the types and the golden files disagree on the model's outputs: [output] against [p, q]"),
    );
  });
});

test("an input that is called output has that name because its author gave it", () => {
  const named = hint("output", { datatype: "FP32", shape: [-1] });
  assert.throws(
    () => resolveInputs(source("the types", [named]), source("the golden files", [hint("x")])),
    idiomError("MODEL_INVALID", "the types and the golden files disagree on the model's inputs: [output] against [x]"),
  );
});

describe("sources that know less", () => {
  test("may name a kind of number whose width a stronger source gives", () => {
    const types = { ...source("the types", [hint("x", { datatype: "INT64" })]), anyWidth: true };
    const inputs = resolveInputs(source("model.yaml", [hint("x", { datatype: "INT32", shape: [-1] })]), types);
    assert.deepEqual(inputs, [spec("x", "INT32", [-1])]);
  });

  test("still disagree on the kind of number", () => {
    const types = { ...source("the types", [hint("x", { datatype: "FP64" })]), anyWidth: true };
    assert.throws(
      () => resolveInputs(source("model.yaml", [hint("x", { datatype: "INT32", shape: [-1] })]), types),
      idiomError("MODEL_INVALID", /INT32.*FP64/),
    );
  });

  test("are passed over where they only fill in and know other names", () => {
    const artifact = { ...source("the artifact", [hint("engineered", { datatype: "FP64" })]), fillIn: true };
    const inputs = resolveInputs(source("model.yaml", [hint("x", { datatype: "INT32", shape: [-1] })]), artifact);
    assert.deepEqual(inputs, [spec("x", "INT32", [-1])]);
  });
});

describe("sources that disagree", () => {
  const declared = (rest: Partial<TensorHint>): SignatureSource => source("model.yaml", [hint("x", { datatype: "FP32", shape: [-1], ...rest })]);
  const golden = (rest: Partial<TensorHint>): SignatureSource => source("the golden files", [hint("x", { datatype: "FP32", shape: [-1], ...rest })]);

  test("on a data type are both shown", () => {
    assert.throws(
      () => resolveInputs(declared({}), golden({ datatype: "FP64" })),
      idiomError("MODEL_INVALID", "inputs 'x': model.yaml says datatype FP32, the golden files says FP64"),
    );
  });

  test("on a shape are both shown", () => {
    assert.throws(
      () => resolveInputs(declared({ shape: [-1, 4] }), golden({ shape: [-1, 5] })),
      idiomError("MODEL_INVALID", "inputs 'x': model.yaml says shape [-1,4], the golden files says [-1,5]"),
    );
  });

  test("on the rank of a shape are both shown", () => {
    assert.throws(() => resolveInputs(declared({ shape: [-1, 4] }), golden({ shape: [-1] })), idiomError("MODEL_INVALID", /says shape \[-1,4\].*says \[-1\]/));
  });

  test("on the names are both shown, sorted", () => {
    assert.throws(
      () => resolveInputs(source("model.yaml", [hint("b"), hint("a")]), source("the types", [hint("a"), hint("c")])),
      idiomError("MODEL_INVALID", "model.yaml and the types disagree on the model's inputs: [a, b] against [a, c]"),
    );
  });

  test("name the outputs where it is the outputs", () => {
    const other = [hint("y", { datatype: "FP32", shape: [-1] })];
    assert.throws(
      () => resolveSignature([declared({}), source("the types", null, other)]),
      idiomError("MODEL_INVALID", "outputs 'y': model.yaml says datatype FP64, the types says FP32"),
    );
  });

  test("do not, where one leaves free what the other fixes", () => {
    assert.deepEqual(resolveInputs(declared({ shape: [-1, -1] }), golden({ shape: [-1, 4] })), [spec("x", "FP32", [-1, -1])]);
    assert.deepEqual(resolveInputs(declared({ shape: [-1, 4] }), golden({ shape: [-1, -1] })), [spec("x", "FP32", [-1, 4])]);
  });

  test("do not, where one says [n] and the other [n,1]", () => {
    assert.deepEqual(resolveInputs(declared({ shape: [-1] }), golden({ shape: [-1, 1] })), [spec("x", "FP32", [-1])]);
  });
});

describe("what nobody says", () => {
  test("of a whole side is asked for with lines to add", () => {
    assert.throws(
      () => resolveInputs(source("model.yaml", null)),
      idiomError(
        "MODEL_INVALID",
        "nothing says what the model's inputs are. Add to model.yaml, with the right types:\ninputs:\n  - {name: x, datatype: FP64, shape: [-1]}",
      ),
    );
  });

  test("of the outputs is asked for under their own name", () => {
    assert.throws(
      () => resolveSignature([source("the types", [hint("x", { datatype: "FP32", shape: [-1] })], null)]),
      idiomError("MODEL_INVALID", /^nothing says what the model's outputs are\..*\noutputs:\n {2}- \{name: y, datatype: FP64, shape: \[-1\]\}$/s),
    );
  });

  test("of single fields is asked for with lines that keep what is known", () => {
    assert.throws(
      () => resolveInputs(source("the types", [hint("a", { datatype: "INT32" }), hint("b", { shape: [-1, 3] }), hint("c", { datatype: "BYTES", shape: [] })])),
      idiomError(
        "MODEL_INVALID",
        [
          "data type or shape is not known for a, b. Add to model.yaml, with the right types:",
          "inputs:",
          "  - {name: a, datatype: INT32, shape: [-1]}",
          "  - {name: b, datatype: FP64, shape: [-1,3]}",
          "  - {name: c, datatype: BYTES, shape: []}",
        ].join("\n"),
      ),
    );
  });
});
