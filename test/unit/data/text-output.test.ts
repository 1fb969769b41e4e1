import assert from "node:assert/strict";
import { test } from "node:test";
import { csvCell, csvLine, jsonLine, rowReader } from "../../../src/data/text-output.ts";
import { valuesTensor } from "../../support/values.ts";

test("a value is written so that reading gives the same bits", () => {
  assert.equal(csvLine([0.1, -0, 1e21, 5e-324, "NaN", "-Infinity", 9007199254740993n, true]), "0.1,-0,1e+21,5e-324,NaN,-Infinity,9007199254740993,true\n");
  assert.equal(jsonLine(['"a"', '"b"'], [-0, 2n ** 63n], '"id":1,'), '{"id":1,"a":-0,"b":9223372036854775808}\n');
});

test("CSV quotes what would end a cell, and writes lists as JSON", () => {
  assert.deepEqual(["a,b", 'say "x"', "two\nlines", "plain", [1, -0], ["a", "b"]].map(csvCell), [
    '"a,b"',
    '"say ""x"""',
    '"two\nlines"',
    "plain",
    '"[1,-0]"',
    '"[""a"",""b""]"',
  ]);
});

test("the rows of a tensor are numbers, or lists where it has more dimensions", () => {
  const flat = rowReader(valuesTensor("INT32", [3], [1, 2, 3]), 3);
  const column = rowReader(valuesTensor("INT32", [3, 1], [1, 2, 3]), 3);
  const pairs = rowReader(valuesTensor("INT32", [2, 2], [1, 2, 3, 4]), 2);
  const deep = rowReader(valuesTensor("INT32", [1, 2, 2], [1, 2, 3, 4]), 1);
  assert.deepEqual(
    [flat(2), column(1), pairs(1), deep(0)],
    [
      3,
      2,
      [3, 4],
      [
        [1, 2],
        [3, 4],
      ],
    ],
  );
});

test("the answer to a call of one row is the row's, with or without a dimension for rows", () => {
  assert.deepEqual(rowReader(valuesTensor("INT32", [1], [7]), null)(0), 7);
  assert.deepEqual(rowReader(valuesTensor("INT32", [], [7]), null)(0), 7);
  assert.deepEqual(rowReader(valuesTensor("INT32", [3], [7, 8, 9]), null)(0), [7, 8, 9]);
  assert.deepEqual(rowReader(valuesTensor("INT32", [1, 2], [7, 8]), null)(0), [7, 8]);
});

test("bytes are text, and base64 where they are none", () => {
  const read = rowReader(valuesTensor("BYTES", [2], ["né", Buffer.from([0xff])]), 2);
  assert.deepEqual([read(0), read(1)], ["né", "/w=="]);
});
