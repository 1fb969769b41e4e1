import assert from "node:assert/strict";
import { test } from "node:test";
import { IdiomError } from "../../../src/core/errors.ts";
import { fileFormat } from "../../../src/data/formats.ts";

const UNSAID = { format: "", compression: "" };

test("the name of a file says how it is written", () => {
  const formats = ["/d/a.csv", "b.JSONL", "c.ndjson.gz", "my.data.csv.zst"].map((name) => Object.values(fileFormat(name, UNSAID, null)));
  assert.deepEqual(formats, [
    ["csv", "none"],
    ["jsonl", "none"],
    ["jsonl", "gzip"],
    ["csv", "zstd"],
  ]);
});

test("what is said goes before the name, and a target without a name is written as the input", () => {
  assert.deepEqual(fileFormat("a.csv.gz", { format: "jsonl", compression: "none" }, null), { format: "jsonl", compression: "none" });
  assert.deepEqual(fileFormat("", UNSAID, { format: "csv", compression: "gzip" }), { format: "csv", compression: "gzip" });
  assert.deepEqual(fileFormat("", { format: "jsonl", compression: "" }, { format: "csv", compression: "gzip" }), { format: "jsonl", compression: "gzip" });
});

test("a format that nothing names, or that there is not, is refused", () => {
  for (const [name, said, words] of [
    ["data.txt", UNSAID, /nothing says how 'data.txt' is written/],
    ["", UNSAID, /nothing says how/],
    ["a.csv", { format: "xls", compression: "" }, /no format 'xls'; there are: csv, jsonl/],
    ["a.csv", { format: "", compression: "rar" }, /no compression 'rar'/],
  ] as const)
    assert.throws(
      () => fileFormat(name, said, null),
      (error) => error instanceof IdiomError && error.code === "INVALID_REQUEST" && words.test(error.message),
    );
});
