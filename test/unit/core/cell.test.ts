import assert from "node:assert/strict";
import { test } from "node:test";
import { type CellSpec, valueOfCell } from "../../../src/core/cell.ts";
import type { Datatype } from "../../../src/core/datatype.ts";

function cell(datatype: Datatype, rest: Partial<CellSpec> = {}): CellSpec {
  return { datatype, na: null, list: false, ...rest };
}

test("floats are read as pandas, R and spreadsheets write them", () => {
  const read = (text: string): unknown => valueOfCell(text, cell("FP64"));
  assert.deepEqual(["1", "-2.5", "+3", ".5", "7.", "1e-3", " 4 ", "1E+22"].map(read), [1, -2.5, 3, 0.5, 7, 0.001, 4, 1e22]);
  assert.deepEqual(["NaN", "NA", "nan", "inf", "-Inf", "Infinity"].map(read), [Number.NaN, Number.NaN, Number.NaN, Infinity, -Infinity, Infinity]);
  assert.ok(Object.is(read("-0.0"), -0));
  assert.deepEqual(["", " "].map(read), ["NaN", undefined]);
  assert.deepEqual(["0x10", "1,5", "1e", "one", "1 2", "."].map(read), [undefined, undefined, undefined, undefined, undefined, undefined]);
});

test("whole numbers keep every digit", () => {
  const read = (text: string): unknown => valueOfCell(text, cell("INT64"));
  assert.deepEqual(["7", "+7", "-0", "3.0", "9007199254740993", "-9223372036854775808"].map(read), [7, 7, -0, 3, 9007199254740993n, -9223372036854775808n]);
  assert.deepEqual(["1.5", "1e3", "", "x"].map(read), [undefined, undefined, undefined, undefined]);
});

test("booleans are read in every spelling of theirs", () => {
  const read = (text: string): unknown => valueOfCell(text, cell("BOOL"));
  assert.deepEqual(["true", "TRUE", "T", "1", "False", "0"].map(read), [true, true, true, true, false, false]);
  assert.deepEqual(["yes", "2", ""].map(read), [undefined, undefined, undefined]);
});

test("text is left as it is, also when it looks like something else", () => {
  const read = (text: string): unknown => valueOfCell(text, cell("BYTES"));
  assert.deepEqual(["", " a ", "[1]", "NA"].map(read), ["", " a ", "[1]", "NA"]);
});

test("an empty cell is the value that the signature has for a missing one", () => {
  assert.equal(valueOfCell("", cell("INT32", { na: -1 })), -1);
  assert.equal(valueOfCell("", cell("BYTES", { na: "?" })), "?");
  assert.equal(valueOfCell("", cell("BOOL", { na: false })), false);
});

test("a list is JSON, with long integers exact; text is one only where lists are due", () => {
  assert.deepEqual(valueOfCell("[1,9007199254740993]", cell("INT64")), [1, 9007199254740993n]);
  assert.deepEqual(valueOfCell('["a","b"]', cell("BYTES", { list: true })), ["a", "b"]);
  assert.equal(valueOfCell("[1,", cell("FP64")), undefined);
});
