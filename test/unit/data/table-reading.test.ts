// Parquet and Arrow as they are read into blocks: values of all types, missing ones, rows that do not fit, and files that are damaged or lie.
import assert from "node:assert/strict";
import { after, describe, type TestContext, test } from "node:test";
import { gzipSync } from "node:zlib";
import * as arrow from "apache-arrow";
import { tableFromArrays, tableToIPC, vectorFromArray } from "apache-arrow";
import { type FileMetaData, parquetMetadata } from "hyparquet";
import { ByteWriter, type ColumnSource, parquetWriteBuffer, type SchemaElement } from "hyparquet-writer";
import { writePageHeader } from "hyparquet-writer/src/datapage.js";
import { writeMetadata } from "hyparquet-writer/src/metadata.js";
import type { TensorSpec } from "../../../src/core/signature.ts";
import { DataThreads } from "../../../src/data/threads.ts";
import * as reading from "../../support/reading.ts";
import { spec } from "../../support/specs.ts";

const threads = new DataThreads();
after(() => threads.stop());

const A = spec("a", "FP64", [-1]);
const N = spec("n", "INT64", [-1]);
const S = spec("s", "BYTES", [-1]);

function parquet(columnData: ColumnSource[], schema?: SchemaElement[]): Buffer {
  return Buffer.from(
    parquetWriteBuffer(schema === undefined ? { columnData } : { columnData, schema: [{ name: "root", num_children: schema.length }, ...schema] }),
  );
}

/** The same file, with another footer. */
function withFooter(file: Buffer, change: (metadata: FileMetaData) => void): Buffer {
  const metadata = parquetMetadata(file);
  const body = file.subarray(0, file.length - 8 - metadata.metadata_length);
  change(metadata);
  return Buffer.concat([body, footer(metadata)]);
}

function footer(metadata: FileMetaData): Uint8Array {
  const writer = new ByteWriter();
  writeMetadata(writer, metadata);
  writer.appendUint32(0x31524150);
  return writer.getBytes();
}

/** A file whose column `a` is one page: this header, and this body. */
function onePage(header: Parameters<typeof writePageHeader>[1], body: Uint8Array, codec: "GZIP" | "UNCOMPRESSED", rows: bigint): Buffer {
  const writer = new ByteWriter();
  writer.appendUint32(0x31524150);
  writePageHeader(writer, header);
  writer.appendBytes(body);
  const end = BigInt(writer.offset);
  const meta_data = {
    type: "DOUBLE",
    encodings: ["PLAIN"],
    path_in_schema: ["a"],
    codec,
    num_values: rows,
    total_compressed_size: end - 4n,
    total_uncompressed_size: 100n,
    data_page_offset: 4n,
  } as const;
  const metadata = {
    version: 2,
    schema: [
      { name: "root", num_children: 1 },
      { name: "a", type: "DOUBLE", repetition_type: "OPTIONAL" },
    ],
    num_rows: rows,
    row_groups: [{ columns: [{ meta_data, file_offset: 4n }], total_byte_size: 100n, num_rows: rows }],
  } as unknown as FileMetaData;
  return Buffer.concat([writer.getBytes(), footer(metadata)]);
}

function dataPage(bytes: number, packed: number, values: number): Parameters<typeof writePageHeader>[1] {
  const data_page_header = { num_values: values, encoding: "PLAIN", definition_level_encoding: "RLE", repetition_level_encoding: "RLE" } as const;
  return { type: "DATA_PAGE", uncompressed_page_size: bytes, compressed_page_size: packed, data_page_header };
}

describe("a table", () => {
  const read = (t: TestContext, content: Uint8Array, inputs: readonly TensorSpec[], keep: "all" | string[] = []) =>
    reading.read(threads, t, content, inputs, { format: "parquet", keep });

  test("has null for a missing value: NaN for floats, `na` for others, and without it the row fails", async (t) => {
    const file = parquet([
      { name: "a", data: [1.5, null, -0], type: "DOUBLE" },
      { name: "n", data: [2n ** 62n, null, 7n], type: "INT64" },
      { name: "s", data: ["x", "", null], type: "STRING" },
    ]);
    const { values, broken } = await read(t, file, [A, spec("n", "INT64", [-1], { na: -1 }), S]);
    assert.deepEqual(values, { a: [1.5, "NaN"], n: [2n ** 62n, -1], s: ["x", ""] });
    assert.deepEqual(broken, [{ row: 2, cause: "'s' is null, and the model has no value for a missing BYTES", data: { a: 0, n: 7, s: null } }]);
  });

  test("gives inputs what they can hold: whole floats, decimals, numbers and times as text, lists", async (t) => {
    const optional = { repetition_type: "OPTIONAL" } as const;
    const schema: SchemaElement[] = [
      { name: "whole", type: "DOUBLE", ...optional },
      { name: "price", type: "INT64", converted_type: "DECIMAL", precision: 12, scale: 2, ...optional },
      { name: "at", type: "INT64", logical_type: { type: "TIMESTAMP", isAdjustedToUTC: true, unit: "MICROS" }, ...optional },
      { name: "number", type: "FLOAT", ...optional },
      { name: "list", converted_type: "LIST", num_children: 1, ...optional },
      { name: "list", repetition_type: "REPEATED", num_children: 1 },
      { name: "element", type: "INT32", ...optional },
    ];
    const columns = [
      { name: "whole", data: [3, 2 ** 40, 1.5] },
      { name: "price", data: [-5n, 1234n, 1n] },
      { name: "at", data: [0n, -1n, 1n] },
      { name: "number", data: [0.1, -0, 1] },
      {
        name: "list",
        data: [
          [1, 2],
          [3, 4],
          [5, 6],
        ],
      },
    ];
    const file = Buffer.from(parquetWriteBuffer({ columnData: columns, schema: [{ name: "root", num_children: 5 }, ...schema] }));
    const specs = [
      spec("whole", "INT64", [-1]),
      spec("price", "FP64", [-1]),
      spec("at", "BYTES", [-1]),
      spec("number", "BYTES", [-1]),
      spec("list", "FP32", [-1, 2]),
    ];
    const { values, broken } = await read(t, file, specs);
    assert.deepEqual(values, {
      whole: [3, 2 ** 40],
      price: [-0.05, 12.34],
      at: ["1970-01-01T00:00:00.000000Z", "1969-12-31T23:59:59.999999Z"],
      number: ["0.1", "-0"],
      list: [
        [1, 2],
        [3, 4],
      ],
    });
    assert.equal(broken[0]?.cause, "'whole': 1.5 is no INT64");
  });

  test("whose column cannot be what the model takes is refused before its first row", async (t) => {
    const refusal = (content: Uint8Array, inputs: readonly TensorSpec[], keep: "all" | string[] = []) =>
      reading.refusal(threads, t, content, inputs, { format: "parquet", keep });
    const text = parquet([{ name: "a", data: ["1"], type: "STRING" }]);
    assert.match(await refusal(text, [A]), /the column 'a' holds text, and the model takes FP64 there/);
    assert.match(await refusal(text, [N]), /has no column 'n', which model 'm' needs; it has 'a'/);
    assert.match(await refusal(text, [spec("a", "BYTES", [-1])], ["b"]), /no column 'b' to keep/);
    const group: SchemaElement[] = [
      { name: "g", num_children: 1, repetition_type: "REQUIRED" },
      { name: "x", type: "INT32", repetition_type: "REQUIRED" },
      { name: "a", type: "DOUBLE", repetition_type: "REQUIRED" },
    ];
    const struct = Buffer.from(
      parquetWriteBuffer({
        columnData: [
          { name: "g", data: [{ x: 1 }] },
          { name: "a", data: [1] },
        ],
        schema: [{ name: "root", num_children: 2 }, ...group],
      }),
    );
    assert.deepEqual((await read(t, struct, [A])).values, { a: [1] });
    assert.match(await refusal(struct, [A], "all"), /the column 'g' holds structs, which cannot be kept; name the columns to keep/);
    assert.match(await refusal(struct, [spec("g", "BYTES", [-1])]), /the column 'g' holds structs, and the model takes BYTES there/);
    const twice = withFooter(
      parquet([
        { name: "a", data: [1] },
        { name: "b", data: [1] },
      ]),
      ({ schema, row_groups }) => {
        Object.assign(schema[2] as object, { name: "a" });
        Object.assign(row_groups[0]?.columns[1]?.meta_data as object, { path_in_schema: ["a"] });
      },
    );
    assert.match(await refusal(twice, [A]), /the column 'a' is there twice/);
  });
});

describe("a Parquet file", () => {
  const refusal = (t: TestContext, content: Uint8Array) => reading.refusal(threads, t, content, [A], { format: "parquet" });
  const whole = parquet([{ name: "a", data: Float64Array.from({ length: 1000 }, (_, i) => i) }]);

  test("that is none, torn or encrypted is refused with what it is", async (t) => {
    assert.match(await refusal(t, Buffer.from("a,b\n1,2\n".repeat(9))), /does not begin as one/);
    assert.match(await refusal(t, Buffer.alloc(0)), /does not begin as one/);
    assert.match(await refusal(t, whole.subarray(0, whole.length - 1)), /it is torn, or was never finished/);
    const longer = Buffer.from(whole);
    longer.writeUInt32LE(whole.length, whole.length - 8);
    assert.match(await refusal(t, longer), /torn or damaged/);
    const scrambled = Buffer.from(whole);
    scrambled.fill(0xee, whole.length - 40, whole.length - 8);
    assert.match(await refusal(t, scrambled), /its footer is damaged/);
    assert.match(await refusal(t, Buffer.concat([Buffer.from("PARE"), whole.subarray(4, -4), Buffer.from("PARE")])), /it is encrypted, and there is no key/);
    const secret = withFooter(whole, ({ row_groups }) => Object.assign(row_groups[0]?.columns[0] as object, { encrypted_column_metadata: "x" }));
    assert.match(await refusal(t, secret), /the column 'a' is encrypted/);
  });

  test("in a codec that is not read is refused with what to do", async (t) => {
    const packed = withFooter(whole, ({ row_groups }) => Object.assign(row_groups[0]?.columns[0]?.meta_data as object, { codec: "LZO" }));
    assert.match(await refusal(t, packed), /the column 'a' is compressed with LZO, which is not read; write it with snappy or zstd/);
  });

  test("that counts more rows than it has is refused", async (t) => {
    assert.match(
      await refusal(
        t,
        withFooter(whole, (metadata) => (metadata.num_rows = 2000n)),
      ),
      /counts 2000 rows, and 1000 in its row groups/,
    );
    const group = withFooter(whole, (metadata) => {
      metadata.num_rows = 2000n;
      Object.assign(metadata.row_groups[0] as object, { num_rows: 2000n });
    });
    assert.match(await refusal(t, group), /has 1000 values in a row group of 2000 rows/);
    const column = withFooter(whole, (metadata) => {
      metadata.num_rows = 2000n;
      Object.assign(metadata.row_groups[0] as object, { num_rows: 2000n });
      Object.assign(metadata.row_groups[0]?.columns[0]?.meta_data as object, { num_values: 2000n });
    });
    assert.match(await refusal(t, column), /ends before the last of the 2000 rows/);
  });

  test("that is made to burst is refused, whatever it claims, and the next file is read", async (t) => {
    const packed = gzipSync(Buffer.alloc(2 ** 23));
    assert.match(
      await refusal(t, onePage(dataPage(2 ** 31 - 1, packed.length, 1000), packed, "GZIP", 1000n)),
      /needs more than 256 MiB of memory at a time; write it with smaller/,
    );
    assert.match(
      await refusal(t, onePage(dataPage(8000, packed.length, 1000), packed, "GZIP", 1000n)),
      /a page of the column 'a' is damaged \(Cannot create a Buffer larger/,
    );
    assert.match(await refusal(t, onePage(dataPage(100, 100, 2 ** 30), Buffer.alloc(100), "UNCOMPRESSED", 2n ** 30n)), /has a page of 1073741824 values/);
    // One run of definition levels that says to repeat itself a billion times; there are 10, and no value for any.
    const run = Buffer.from([6, 0, 0, 0, 0xfe, 0xff, 0xff, 0xff, 0x07, 1]);
    assert.match(await refusal(t, onePage(dataPage(run.length, run.length, 10), run, "UNCOMPRESSED", 10n)), /a page of the column 'a' is damaged/);
    assert.equal((await reading.read(threads, t, whole, [A], { format: "parquet" })).rows, 1000);
  });

  test("whose values are too long, or repeat until they burst, is refused", async (t) => {
    const long = parquet([
      { name: "a", data: [1] },
      { name: "s", data: ["x".repeat(5 * 2 ** 20)], type: "STRING" },
    ]);
    assert.match(await reading.refusal(threads, t, long, [A, S], { format: "parquet" }), /the column 's' has a value of more than 4 MiB/);
    const same = parquet([{ name: "s", data: Array.from({ length: 1000 }, () => "x".repeat(2 ** 20)), type: "STRING" }]);
    assert.match(await reading.refusal(threads, t, same, [S], { format: "parquet" }), /that is no table but a decompression bomb/);
  });
});

describe("an Arrow file", () => {
  const refusal = (t: TestContext, content: Uint8Array, inputs = [A]) => reading.refusal(threads, t, content, inputs, { format: "arrow" });
  const table = tableFromArrays({ a: Float64Array.from({ length: 1000 }, (_, i) => i / 3) });

  test("or a stream is told by how it begins", async (t) => {
    for (const type of ["file", "stream"] as const) {
      const { rows, values } = await reading.read(threads, t, tableToIPC(table, type), [A], { format: "arrow" });
      assert.deepEqual([rows, values["a"]?.[1]], [1000, 1 / 3], type);
    }
  });

  test("has categories, missing values and text like any other", async (t) => {
    const columns = {
      a: vectorFromArray([1, null, 3], new arrow.Float32()),
      s: vectorFromArray(["x", "y", "x"], new arrow.Dictionary(new arrow.Utf8(), new arrow.Int8())),
      n: vectorFromArray([1n, 2n ** 63n - 1n, null], new arrow.Int64()),
    };
    const { values, broken } = await reading.read(threads, t, tableToIPC(new arrow.Table(columns)), [A, S, N], { format: "arrow" });
    assert.deepEqual(values, { a: [1, "NaN"], s: ["x", "y"], n: [1, 2n ** 63n - 1n] });
    assert.equal(broken[0]?.cause, "'n' is null, and the model has no value for a missing INT64");
  });

  test("that is none, torn or never closed is refused with what it is", async (t) => {
    const file = Buffer.from(tableToIPC(table, "file"));
    const stream = Buffer.from(tableToIPC(table, "stream"));
    assert.match(await refusal(t, Buffer.from("a,b\n1,2\n".repeat(9))), /there is no message of Arrow|torn or damaged/);
    assert.match(await refusal(t, Buffer.alloc(0)), /torn or damaged/);
    assert.match(await refusal(t, Buffer.from("FEA1....FEA1")), /Feather version 1; write it with version 2/);
    assert.match(await refusal(t, file.subarray(0, file.length - 3)), /torn, or was never finished/);
    assert.match(await refusal(t, stream.subarray(0, stream.length - 8)), /the mark of its end is missing/);
    assert.match(await refusal(t, stream.subarray(0, stream.length - 100)), /torn or damaged/);
  });

  test("whose batch claims more than it has, or than a thread may hold, is refused", async (t) => {
    const stream = Buffer.from(tableToIPC(table, "stream"));
    const patched = (from: bigint, to: bigint): Buffer => {
      const copy = Buffer.from(stream);
      const sought = Buffer.alloc(8);
      sought.writeBigInt64LE(from);
      for (let at = copy.indexOf(sought); at >= 0; at = copy.indexOf(sought, at + 8)) copy.writeBigInt64LE(to, at);
      return copy;
    };
    assert.match(await refusal(t, patched(1000n, 100_000n)), /it has fewer values than it says/);
    assert.match(await refusal(t, patched(8000n, 2n ** 40n)), /needs more than 256 MiB of memory at a time; write it with smaller record batches/);
    assert.match(await refusal(t, patched(8000n, 16_000n)), /torn or damaged|behind its end/);
  });
});
