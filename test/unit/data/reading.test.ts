// Datasets as they are read into blocks, in the threads that do so: values, broken rows, and files that are wrong as a whole.
import assert from "node:assert/strict";
import { createReadStream, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, describe, type TestContext, test } from "node:test";
import { gzipSync, zstdCompressSync } from "node:zlib";
import type { TensorSpec } from "../../../src/core/signature.ts";
import { readBytes } from "../../../src/data/byte-source.ts";
import { DataThreads } from "../../../src/data/threads.ts";
import { temporaryFolder } from "../../support/folders.ts";
import type { ReadOptions } from "../../support/reading.ts";
import * as reading from "../../support/reading.ts";
import { spec } from "../../support/specs.ts";

const threads = new DataThreads();
after(() => threads.stop());

const read = (t: TestContext, content: string | Uint8Array, inputs: readonly TensorSpec[], options?: ReadOptions) =>
  reading.read(threads, t, content, inputs, options);
const refusal = (t: TestContext, content: string | Uint8Array, options?: ReadOptions) => reading.refusal(threads, t, content, [A], options);

const A = spec("a", "FP64", [-1]);
const N = spec("n", "INT64", [-1]);
const S = spec("s", "BYTES", [-1]);

describe("CSV", () => {
  test("is read by the names of its columns, in whatever order, exact", async (t) => {
    const { values, rows } = await read(t, 's,other,n,a\nx,1,9007199254740993,0.1\n"y, ""z""\n",2,-1,1e-320\n', [A, N, S]);
    assert.equal(rows, 2);
    assert.deepEqual(values, { a: [0.1, 1e-320], n: [9007199254740993n, -1], s: ["x", 'y, "z"\n'] });
  });

  test("may have a byte order mark, Windows line ends and empty lines", async (t) => {
    const { values } = await read(t, "\uFEFFa\r\n1\r\n\r\n2\r\n", [A]);
    assert.deepEqual(values["a"], [1, 2]);
  });

  test("keeps the columns that are asked for as they stand there", async (t) => {
    const text = "id,a,note\n007,1,x\n008,2,\n";
    assert.deepEqual((await read(t, text, [A], { keep: ["note", "id"] })).kept, ['["x","007"]', '["","008"]']);
    assert.deepEqual((await read(t, text, [A], { keep: "all" })).kept, ['["007","1","x"]', '["008","2",""]']);
  });

  test("with rows that do not fit loses those alone, with number, cause and row", async (t) => {
    const { values, broken, rows } = await read(t, "a,n\n1,1\nx,2\n3\n4,1.5\n5,\n6,6\n", [A, N]);
    assert.equal(rows, 6);
    assert.deepEqual(values, { a: [1, 6], n: [1, 6] });
    assert.deepEqual(broken, [
      { row: 1, cause: "column 'a': \"x\" is no FP64", data: { a: "x", n: "2" } },
      { row: 2, cause: "1 cells where the header has 2", data: ["3"] },
      { row: 3, cause: "column 'n': \"1.5\" is no INT64", data: { a: "4", n: "1.5" } },
      { row: 4, cause: "column 'n' is empty, and the model has no value for a missing INT64", data: { a: "5", n: "" } },
    ]);
  });

  test("with a broken quote in one row loses that row", async (t) => {
    const { values, broken } = await read(t, 'a,s\n1,x\n2,y"z\n3,w\n', [A, S]);
    assert.deepEqual(values["a"], [1, 3]);
    assert.equal(broken.length, 1);
    assert.match(broken[0]?.cause ?? "", /line 3/);
  });

  test("holds lists as JSON, of whatever length the signature leaves free", async (t) => {
    const { values, broken } = await read(t, 'v\n"[1,2]"\n"[3,4]"\n"[5]"\n"[[1],[2,3]]"\n', [spec("v", "FP32", [-1, -1])]);
    assert.deepEqual(values["v"], [[1, 2], [3, 4], 5]);
    assert.equal(broken.length, 1);
  });

  test("that ends within a quote is torn", async (t) => {
    assert.match(await refusal(t, 'a\n1\n"2\n3\n'), /ends inside a quoted cell .* torn, or a quote was left open/);
  });

  test("without a header, with a column twice, or without a column that the model needs, is refused", async (t) => {
    assert.match(await refusal(t, ""), /the file is empty/);
    assert.match(await refusal(t, "a,b,a\n1,2,3\n"), /the column 'a' is there twice/);
    assert.match(await refusal(t, "b,c\n1,2\n"), /no column 'a', which model 'm' needs; it has 'b', 'c'/);
    assert.match(await refusal(t, "a\n1\n", { keep: ["id"] }), /no column 'id' to keep; it has 'a'/);
  });

  test("in another encoding than UTF-8 is refused", async (t) => {
    assert.match(await refusal(t, Buffer.from("a\n1\n", "utf16le")), /UTF-16 or no text at all/);
    assert.match(await refusal(t, Buffer.from("\uFEFFa\n1\n", "utf16le")), /no UTF-8/);
    assert.match(await refusal(t, Buffer.from("a\nB\xfcro\n", "latin1")), /no UTF-8 \(behind byte 0\); save it as UTF-8/);
  });

  test("with a row that never ends is refused long before it is in memory", async (t) => {
    assert.match(await refusal(t, Buffer.alloc(5 * 2 ** 20, "7")), /more than 4 MiB/);
  });
});

describe("JSON Lines", () => {
  const jsonl = { format: "jsonl" } as const;

  test("are read by name, with every digit of long numbers", async (t) => {
    const { values } = await read(t, '{"n":9007199254740993,"a":0.1,"s":"x"}\n\n{"s":"","a":"-Infinity","n":"-9223372036854775808"}', [A, N, S], jsonl);
    assert.deepEqual(values, { a: [0.1, "-Infinity"], n: [9007199254740993n, -9223372036854775808n], s: ["x", ""] });
  });

  test("have null for a missing value", async (t) => {
    const { values, broken } = await read(t, '{"a":null,"n":null,"s":"x"}\n{"a":1,"n":1,"s":null}\n', [A, spec("n", "INT64", [-1], { na: -1 }), S], jsonl);
    assert.deepEqual(values, { a: ["NaN"], n: [-1], s: ["x"] });
    assert.deepEqual(broken[0]?.cause, "'s' is null, and the model has no value for a missing BYTES");
  });

  test("that are none lose their row alone", async (t) => {
    const { values, broken } = await read(t, '{"a":1}\n{"a":\n[1]\n{"b":1}\n{"a":true}\n{"a":2}\n', [A], jsonl);
    assert.deepEqual(values["a"], [1, 2]);
    assert.deepEqual(
      broken.map(({ row }) => row),
      [1, 2, 3, 4],
    );
    assert.match(broken[0]?.cause ?? "", /^no JSON/);
    assert.deepEqual(
      broken.slice(1).map(({ cause }) => cause),
      ["no JSON object", "'a' is not there", "'a': true is no FP64"],
    );
  });

  test("of which one never ends are refused", async (t) => {
    assert.match(await refusal(t, Buffer.alloc(5 * 2 ** 20, "7"), jsonl), /a line has more than 4 MiB/);
  });
});

describe("compressed", () => {
  const text = "a\n1\n2\n";

  test("files are unpacked on the way", async (t) => {
    for (const [compression, pack] of [
      ["gzip", gzipSync],
      ["zstd", zstdCompressSync],
    ] as const)
      assert.deepEqual((await read(t, pack(Buffer.from(text)), [A], { compression })).values["a"], [1, 2], compression);
  });

  test("files of several pieces are read to their end", async (t) => {
    for (const [compression, pack] of [
      ["gzip", gzipSync],
      ["zstd", zstdCompressSync],
    ] as const) {
      const pieces = ["a\n1\n", "2\n", "3\n"].map((piece) => pack(Buffer.from(piece)));
      assert.deepEqual((await read(t, Buffer.concat(pieces), [A], { compression })).values["a"], [1, 2, 3], compression);
    }
  });

  test("files that are torn, or not compressed at all, are refused", async (t) => {
    const packed = gzipSync(Buffer.from(text.repeat(1000)));
    assert.match(await refusal(t, packed.subarray(0, packed.length - 12), { compression: "gzip" }), /gzip file cannot be read to its end/);
    assert.match(await refusal(t, text, { compression: "zstd" }), /zstd file cannot be read to its end/);
  });

  test("bombs are refused", async (t) => {
    const folder = temporaryFolder(t, { bomb: zstdCompressSync(Buffer.alloc(300 * 2 ** 20)) });
    const unpacked = readBytes(createReadStream(join(folder, "bomb")), "zstd");
    await assert.rejects(async () => {
      for await (const _ of unpacked);
    }, /decompression bomb/);
  });
});

test("a file is read on from where it was left, and refused when it has become shorter", async (t) => {
  const text = `a\n${Array.from({ length: 1000 }, (_, i) => i).join("\n")}\n`;
  const { values, rows } = await read(t, text, [A], { skipRows: 600 });
  assert.equal(rows, 1000);
  assert.deepEqual(
    values["a"],
    Array.from({ length: 400 }, (_, i) => 600 + i),
  );
  assert.match(await refusal(t, text, { skipRows: 1001 }), /has 1000 rows, and had 1001 before/);
});

test("reading can be stopped", async (t) => {
  const folder = temporaryFolder(t);
  writeFileSync(join(folder, "input"), `a\n${"1\n".repeat(2_000_000)}`);
  const stop = new AbortController();
  const task = {
    source: { path: join(folder, "input"), tag: null },
    format: { format: "csv", compression: "none" },
    folder,
    spool: "rows",
    skipRows: 0,
    model: "m",
    inputs: [A],
    merged: true,
    keep: [],
    taken: [],
  } as const;
  const reading = threads.read(task, () => stop.abort(), stop.signal);
  await assert.rejects(reading, { name: "AbortError" });
});
