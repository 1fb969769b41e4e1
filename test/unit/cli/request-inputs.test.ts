import assert from "node:assert/strict";
import { join } from "node:path";
import { describe, test } from "node:test";
import type { ModelMetadata, TensorMetadata } from "../../../src/cli/client.ts";
import { EXIT } from "../../../src/cli/failure.ts";
import { inputsFromCsvRows, inputsFromJson, inputsFromPairs, readCsvRows } from "../../../src/cli/request-inputs.ts";
import { type JsonTensor, tensorFromJson } from "../../../src/core/json-tensor.ts";
import { temporaryFolder } from "../../support/folders.ts";

const AGE: TensorMetadata = { name: "age", datatype: "FP64", shape: [-1] };
const VISITS: TensorMetadata = { name: "visits", datatype: "INT64", shape: [-1] };
const PLAN: TensorMetadata = { name: "plan", datatype: "BYTES", shape: [-1] };

function model(...inputs: TensorMetadata[]): ModelMetadata {
  return { name: "churn", versions: ["1"], platform: "python", inputs, outputs: [] };
}

/** Shape and data of the only input. */
function only([tensor, ...more]: readonly JsonTensor[]): { shape: number[]; data: unknown[] } {
  assert.ok(tensor !== undefined && more.length === 0);
  tensorFromJson(tensor);
  return { shape: tensor.shape, data: tensor.data };
}

function failure(exitCode: number, message: string | RegExp): object {
  return { name: "CliFailure", exitCode, message };
}

describe("-i name=value", () => {
  const pair = (spec: TensorMetadata, text: string): { shape: number[]; data: unknown[] } => only(inputsFromPairs([`${spec.name}=${text}`], model(spec)));

  test("gives one row of each input, in the order of the model", () => {
    assert.deepEqual(inputsFromPairs(["plan=premium", "age=41.5"], model(AGE, PLAN)), [
      { name: "age", datatype: "FP64", shape: [1], data: [41.5] },
      { name: "plan", datatype: "BYTES", shape: [1], data: ["premium"] },
    ]);
  });

  test("takes everything behind the first = for the value", () => {
    assert.deepEqual(pair(PLAN, "a=b"), { shape: [1], data: ["a=b"] });
  });

  test("takes text as it is, though it looks like something else", () => {
    for (const text of ["42", "true", '"quoted"', "{}", ""]) assert.deepEqual(pair(PLAN, text).data, [text]);
  });

  test("keeps integers beyond 2^53", () => {
    assert.deepEqual(pair(VISITS, "9007199254740993").data, [9007199254740993n]);
  });

  test("takes NaN and the infinities", () => {
    for (const text of ["NaN", "Infinity", "-Infinity"]) assert.deepEqual(pair(AGE, text).data, [text]);
  });

  test("takes a list for several rows", () => {
    assert.deepEqual(pair(AGE, "[1, 2, 3]"), { shape: [3], data: [1, 2, 3] });
    assert.deepEqual(pair(PLAN, '["a", "b"]'), { shape: [2], data: ["a", "b"] });
  });

  test("takes a list for one row of a model that takes rows of several numbers", () => {
    assert.deepEqual(pair({ ...AGE, shape: [-1, 4] }, "[1, 2, 3, 4]").shape, [1, 4]);
  });

  test("takes a list of lists for several of them", () => {
    assert.deepEqual(pair({ ...AGE, shape: [-1, 2] }, "[[1, 2], [3, 4], [5, 6]]").shape, [3, 2]);
  });

  test("takes a number, a list or a list of lists for a column", () => {
    const column = { ...AGE, shape: [-1, 1] };
    assert.deepEqual([pair(column, "7").shape, pair(column, "[7, 8, 9]").shape, pair(column, "[[7], [8]]").shape], [[1], [3], [2, 1]]);
  });

  test("takes a number for a scalar", () => {
    assert.deepEqual(pair({ ...AGE, shape: [] }, "7"), { shape: [], data: [7] });
  });

  test("reads JSON from a file", (t) => {
    const folder = temporaryFolder(t, { "ages.json": "[1, 2]" });
    assert.deepEqual(pair(AGE, `@${join(folder, "ages.json")}`), { shape: [2], data: [1, 2] });
  });

  test("reads text from a file as it is", (t) => {
    const folder = temporaryFolder(t, { "letter.txt": "Dear all,\n" });
    assert.deepEqual(pair(PLAN, `@${join(folder, "letter.txt")}`).data, ["Dear all,\n"]);
  });

  test("is refused without a name or a value", () => {
    for (const text of ["age", "=3"]) {
      assert.throws(() => inputsFromPairs([text], model(AGE)), failure(EXIT.usage, `'-i ${text}' is not understood; write -i name=value`));
    }
  });

  test("is refused for an input that the model does not have, with those that it has", () => {
    assert.throws(
      () => inputsFromPairs(["agee=3"], model(AGE, PLAN)),
      failure(EXIT.invalid, "model 'churn' has no input 'agee'; it has age (FP64), plan (BYTES)"),
    );
  });

  test("is refused where an input is missing", () => {
    assert.throws(
      () => inputsFromPairs(["age=3"], model(AGE, PLAN)),
      failure(EXIT.invalid, "input 'plan' (BYTES) is missing; model 'churn' has age (FP64), plan (BYTES)"),
    );
  });

  test("is refused where a number is wanted and something else given", () => {
    assert.throws(() => pair(AGE, "old"), failure(EXIT.invalid, `input 'age': "old" is no FP64`));
  });

  test("is refused where the file cannot be read", () => {
    assert.throws(() => pair(AGE, "@/nowhere/a.json"), failure(EXIT.invalid, /^cannot read \/nowhere\/a\.json: .*ENOENT/));
  });
});

describe("--json", () => {
  test("takes a whole request as it is", () => {
    const inputs = [{ name: "age", datatype: "FP64", shape: [2], data: [1, 2] }];
    assert.deepEqual(inputsFromJson(JSON.stringify({ inputs }), model(AGE)), inputs);
  });

  test("takes one row", () => {
    assert.deepEqual(inputsFromJson('{"plan": "free", "age": 3}', model(AGE, PLAN)), [
      { name: "age", datatype: "FP64", shape: [1], data: [3] },
      { name: "plan", datatype: "BYTES", shape: [1], data: ["free"] },
    ]);
  });

  test("takes several rows", () => {
    assert.deepEqual(only(inputsFromJson('[{"age": 3}, {"age": null}]', model(AGE))), { shape: [2], data: [3, null] });
  });

  test("takes rows of several numbers", () => {
    assert.deepEqual(only(inputsFromJson('[{"x": [1, 2]}, {"x": [3, 4]}, {"x": [5, 6]}]', model({ ...AGE, name: "x", shape: [-1, 2] }))).shape, [3, 2]);
  });

  test("takes rows of single numbers for what they are, though the model takes rows of several", () => {
    assert.deepEqual(only(inputsFromJson('[{"age": 3}, {"age": 4}]', model({ ...AGE, shape: [-1, 2] }))).shape, [2]);
  });

  test("takes rows for a column", () => {
    assert.deepEqual(only(inputsFromJson('[{"age": 3}, {"age": 4}]', model({ ...AGE, shape: [-1, 1] }))), { shape: [2], data: [3, 4] });
  });

  test("keeps integers beyond 2^53", () => {
    assert.deepEqual(only(inputsFromJson('{"visits": 9007199254740993}', model(VISITS))).data, [9007199254740993n]);
  });

  test("takes a row that has a column called inputs", () => {
    const spec = { ...AGE, name: "inputs" };
    assert.deepEqual(only(inputsFromJson('{"inputs": 3}', model(spec))), { shape: [1], data: [3] });
  });

  test("reads a file", (t) => {
    const folder = temporaryFolder(t, { "row.json": '{"age": 3}' });
    assert.deepEqual(only(inputsFromJson(`@${join(folder, "row.json")}`, model(AGE))).data, [3]);
  });

  test("is refused where it is no JSON, with how to name a file", () => {
    assert.throws(() => inputsFromJson("row.json", model(AGE)), failure(EXIT.invalid, /^--json: .*; a file is named with @, as in --json @request\.json$/));
  });

  test("is refused where it is neither a request nor rows", () => {
    for (const text of ["7", "null", '"text"']) {
      assert.throws(() => inputsFromJson(text, model(AGE)), failure(EXIT.invalid, '--json: expected {"inputs": [...]}, a row or a list of rows'));
    }
  });

  test("is refused where a row lacks an input", () => {
    assert.throws(() => inputsFromJson('[{"age": 3}, {}]', model(AGE)), failure(EXIT.invalid, "row 1 has no 'age'; model 'churn' has age (FP64)"));
  });

  test("is refused where a row lacks an input whose name every object has", () => {
    const spec = { ...AGE, name: "constructor" };
    assert.throws(() => inputsFromJson("{}", model(spec)), failure(EXIT.invalid, "row 0 has no 'constructor'; model 'churn' has constructor (FP64)"));
  });
});

describe("a CSV file", () => {
  test("has a row per line, by the names in its first", (t) => {
    const folder = temporaryFolder(t, { "a.csv": '\u{feff}age,plan\n1.5,"a, b"\n\n2,\n' });
    assert.deepEqual(readCsvRows(join(folder, "a.csv")), [
      { age: "1.5", plan: "a, b" },
      { age: "2", plan: "" },
    ]);
  });

  test("that is no CSV is refused by name", (t) => {
    const folder = temporaryFolder(t, { "a.csv": 'a,b\n1,2,3\n"' });
    assert.throws(() => readCsvRows(join(folder, "a.csv")), failure(EXIT.invalid, /a\.csv: /));
  });

  test("that is not there is refused by name", () => {
    assert.throws(() => readCsvRows("/nowhere/a.csv"), failure(EXIT.invalid, /^cannot read \/nowhere\/a\.csv: /));
  });

  const cells = (spec: TensorMetadata, ...values: string[]): { shape: number[]; data: unknown[] } =>
    only(
      inputsFromCsvRows(
        values.map((value) => ({ [spec.name]: value, other: "?" })),
        model(spec),
      ),
    );

  test("gives one tensor a column, and leaves columns alone that are no input", () => {
    assert.deepEqual(cells(AGE, "1.5", "-2e3"), { shape: [2], data: [1.5, -2000] });
  });

  test("gives a column of any number of rows its shape", () => {
    const column = { ...AGE, shape: [-1, 1] };
    assert.deepEqual([cells(column, "1").shape, cells(column, "1", "2", "3").shape], [[1], [3]]);
  });

  test("gives text as it is, an empty one too", () => {
    assert.deepEqual(cells(PLAN, "", "[1]", "@home").data, ["", "[1]", "@home"]);
  });

  test("keeps integers beyond 2^53", () => {
    assert.deepEqual(cells(VISITS, "9007199254740993").data, [9007199254740993n]);
  });

  test("has NaN where a cell of a floating-point column is empty", () => {
    for (const datatype of ["FP16", "BF16", "FP32", "FP64"]) assert.deepEqual(cells({ ...AGE, datatype }, "").data, ["NaN"]);
  });

  test("is refused where a cell of another column is empty", () => {
    assert.throws(
      () => cells(VISITS, "1", ""),
      failure(EXIT.invalid, "row 1, column 'visits': an empty cell is no INT64; write the value that the model's signature gives for a missing one"),
    );
  });

  test("is refused where a cell is no number", () => {
    assert.throws(() => cells(AGE, "old"), failure(EXIT.invalid, `input 'age': "old" is no FP64`));
  });

  test("makes nobody read a file that a cell names", (t) => {
    const secret = join(temporaryFolder(t, { secret: "42" }), "secret");
    assert.throws(() => cells(AGE, `@${secret}`), failure(EXIT.invalid, `input 'age': "@${secret}" is no FP64`));
  });

  test("is refused where it lacks a column", () => {
    assert.throws(
      () => inputsFromCsvRows([{ plan: "x" }], model(AGE)),
      failure(EXIT.invalid, "the CSV file has no column 'age'; model 'churn' has age (FP64)"),
    );
  });
});
