import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { symlinkSync } from "node:fs";
import { join } from "node:path";
import { describe, type TestContext, test } from "node:test";
import { type Golden, hintsOfGolden, readGolden } from "../../../src/registry/golden.ts";
import { elements, float64, int64 } from "../../support/bytes.ts";
import { temporaryFolder } from "../../support/folders.ts";
import { idiomError } from "../../support/idiom-error.ts";
import { hint, tensor } from "../../support/specs.ts";

const X = { name: "x", datatype: "FP64", shape: [2], data: [0.1, "NaN"] };
const Y = { name: "y", datatype: "BYTES", shape: [2], data: ["a", "b"] };

function recorded(inputs: object[], outputs: object[], rest: object = {}): string {
  return JSON.stringify({ request: { inputs }, response: { outputs }, ...rest });
}

function read(t: TestContext, files: Record<string, string>, pattern = "golden/*.json"): Golden[] {
  return readGolden(temporaryFolder(t, files), pattern);
}

describe("golden files", () => {
  test("are read in the order of their names, and named below the model's folder", (t) => {
    const files = read(t, { "golden/b.json": recorded([X], [Y]), "golden/a.json": recorded([X], [Y]), "other/c.json": "{}" });
    assert.deepEqual(
      files.map((golden) => golden.file),
      ["golden/a.json", "golden/b.json"],
    );
  });

  test("hold the tensors bit for bit", (t) => {
    const [golden] = read(t, { "golden/a.json": recorded([X], [Y]) });
    assert.deepEqual(golden?.inputs, [{ name: "x", tensor: tensor("FP64", [2], float64(0.1, Number.NaN)) }]);
    assert.deepEqual(golden?.outputs, [{ name: "y", tensor: tensor("BYTES", [2], elements("a", "b")) }]);
  });

  test("keep integers beyond 2^53", (t) => {
    const text = recorded([{ name: "x", datatype: "INT64", shape: [1], data: [1] }], [Y]).replace('"data":[1]', '"data":[9007199254740993]');
    assert.deepEqual(read(t, { "golden/a.json": text })[0]?.inputs[0]?.tensor.data, int64(9007199254740993n));
  });

  test("may say the content type of a tensor", (t) => {
    const [golden] = read(t, { "golden/a.json": recorded([{ ...Y, parameters: { content_type: "str" } }], [Y]) });
    assert.equal(golden?.inputs[0]?.tensor.contentType, "str");
  });

  test("write bytes that are no text as base64, on both sides", (t) => {
    const bytes = { name: "b", datatype: "BYTES", shape: [2], data: ["/wA=", ""], parameters: { content_type: "base64" } };
    const [golden] = read(t, { "golden/a.json": recorded([bytes], [bytes]) });
    const expected = [{ name: "b", tensor: tensor("BYTES", [2], elements(Buffer.from([0xff, 0]), "")) }];
    assert.deepEqual([golden?.inputs, golden?.outputs], [expected, expected]);
  });

  test("may say more than Idiom reads", (t) => {
    assert.equal(read(t, { "golden/a.json": recorded([{ ...X, parameters: { content_type: "csv" } }], [Y], { note: "seed 7" }) }).length, 1);
  });

  test("are found by the pattern of the manifest", (t) => {
    const files = read(t, { "recorded/deep/a.json": recorded([X], [Y]), "golden/b.json": "{}" }, "recorded/**/*.json");
    assert.deepEqual(
      files.map((golden) => golden.file),
      ["recorded/deep/a.json"],
    );
  });

  test("are none where nothing matches", (t) => {
    assert.deepEqual(read(t, { "model.py": "" }), []);
  });
});

describe("a golden file that is wrong is named, with what is wrong:", () => {
  test("no JSON", (t) => {
    assert.throws(() => read(t, { "golden/a.json": "{" }), idiomError("MODEL_INVALID", /^golden\/a\.json: .*JSON/));
  });

  test("a missing part", (t) => {
    assert.throws(() => read(t, { "golden/a.json": '{"request": {"inputs": []}}' }), idiomError("MODEL_INVALID", /^golden\/a\.json: .*\n.*response/s));
  });

  test("a value that its data type cannot hold", (t) => {
    const bad = { ...X, datatype: "INT32", data: [1, 1.5] };
    assert.throws(
      () => read(t, { "golden/a.json": recorded([bad], [Y]) }),
      idiomError("MODEL_INVALID", "golden/a.json: input 'x': element 1 (1.5) is no INT32"),
    );
  });

  test("a link, a pipe, and what lies outside of the model's folder", (t) => {
    const folder = temporaryFolder(t, { "model/golden/.keep": "", "secret.json": recorded([X], [Y]) });
    const model = join(folder, "model");
    symlinkSync(join(folder, "secret.json"), join(model, "golden", "link.json"));
    execFileSync("mkfifo", [join(model, "golden", "pipe.json")]);
    symlinkSync(folder, join(model, "up"));
    const refused = (file: string) =>
      idiomError("MODEL_INVALID", `${file}: it leads out of the model's folder, or is no plain file; put the file itself there`);
    for (const file of ["golden/link.json", "golden/pipe.json", "up/secret.json", "../secret.json"])
      assert.throws(() => readGolden(model, file), refused(file));
  });

  test("a free dimension", (t) => {
    assert.throws(() => read(t, { "golden/a.json": recorded([{ ...X, shape: [-1] }], [Y]) }), idiomError("MODEL_INVALID", /^golden\/a\.json: .*shape/s));
  });
});

describe("what golden files show of the signature", () => {
  test("is nothing without one", () => {
    assert.equal(hintsOfGolden(undefined), null);
  });

  test("is names and data types exactly, and shapes with a free first dimension", (t) => {
    const matrix = { name: "m", datatype: "INT8", shape: [1, 3], data: [1, 2, 3] };
    const scalar = { name: "s", datatype: "BOOL", shape: [], data: [true] };
    assert.deepEqual(hintsOfGolden(read(t, { "golden/a.json": recorded([matrix, scalar], [Y]) })[0]), {
      inputs: [hint("m", { datatype: "INT8", shape: [-1, 3] }), hint("s", { datatype: "BOOL", shape: [] })],
      outputs: [hint("y", { datatype: "BYTES", shape: [-1] })],
    });
  });
});
