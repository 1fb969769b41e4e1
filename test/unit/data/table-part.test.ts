import assert from "node:assert/strict";
import { join } from "node:path";
import { test } from "node:test";
import { encodeBlock } from "../../../src/data/block.ts";
import { readSlices } from "../../../src/data/table-part.ts";
import { temporaryFolder } from "../../support/folders.ts";
import { idiomError } from "../../support/idiom-error.ts";

function withLength(bytes: Buffer): Buffer {
  const length = Buffer.alloc(4);
  length.writeUInt32LE(bytes.length);
  return Buffer.concat([length, bytes]);
}

test("a part is read slice by slice; one that ends within a slice, or within its length, is an error", { timeout: 10_000 }, (t) => {
  const slice = (firstRow: number): Buffer =>
    withLength(encodeBlock(firstRow, 1, [{ datatype: "INT8", rowShape: [], data: Buffer.alloc(1) }], Buffer.alloc(0), []));
  const whole = Buffer.concat([slice(1), slice(2)]);
  const folder = temporaryFolder(t, { whole, "in-slice": whole.subarray(0, -1), "in-length": whole.subarray(0, slice(1).length + 3), empty: "" });
  const read = (name: string): number[] => [...readSlices(join(folder, name))].map(({ firstRow }) => firstRow);
  assert.deepEqual(read("whole"), [1, 2]);
  assert.deepEqual(read("empty"), []);
  assert.throws(() => read("in-slice"), idiomError("INTERNAL", /^in-slice of the job is shorter than it was$/));
  assert.throws(() => read("in-length"), idiomError("INTERNAL", /^in-length of the job is shorter than it was$/));
});
