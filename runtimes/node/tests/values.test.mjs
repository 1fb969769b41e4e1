// The vectors of values.json: tensors, columns and casts, through the same readers and writers that a bound model uses.
import assert from "node:assert/strict";
import { test } from "node:test";
import { bf16ToNumber, numberToBf16 } from "../harness/bf16.mjs";
import { formatDateTime, parseDateTime } from "../harness/datetime.mjs";
import { Fault } from "../harness/errors.mjs";
import { readInfer } from "../harness/infer.mjs";
import { columnReader, tensorReader } from "../harness/inputs.mjs";
import { OutputWriter } from "../harness/outputs.mjs";
import { spec, vectors } from "./host.mjs";
import { encodeBody } from "./wire.mjs";

const { tensors, columns, casts } = vectors("values.json");

/** @param {any} vector */
function tensorSpec(vector) {
  const { datatype, shape, content_type, na, levels } = vector;
  return /** @type {import("../harness/signature.mjs").TensorSpec} */ (spec("v", datatype, shape, { content_type, na, levels }));
}

/** @param {any} vector */
function wireTensor({ datatype, shape, bytes }) {
  return readInfer(encodeBody({ segments: [0], tensors: [{ index: 0, datatype, shape, data: Buffer.from(bytes, "hex") }] })).tensors[0];
}

/** A value as the vectors write it. @param {unknown} value */
function written(value) {
  if (value === null || typeof value === "boolean" || typeof value === "string") return value;
  if (value instanceof Date) return String(value.getTime());
  if (value instanceof Uint8Array) return Buffer.from(value).toString("hex");
  return Object.is(value, -0) ? "-0" : String(value);
}

/** Numbers are compared as numbers: the vectors' decimals are not JavaScript's spelling. @param {string} datatype @param {unknown[]} values */
function normal(datatype, values) {
  const isNumber = !["BYTES", "BOOL", "INT64", "UINT64"].includes(datatype);
  return values.map((value) => (isNumber && typeof value === "string" ? Number(value) : value));
}

for (const vector of tensors) {
  test(`tensor ${vector.name}`, () => {
    const { values = vector.values, bytes = vector.bytes } = vector.except.node ?? {};
    const tensor = tensorReader(tensorSpec(vector), vector.content_type)(wireTensor(vector));
    const elements = Array.from(/** @type {ArrayLike<unknown>} */ (tensor.data), (value) => (vector.datatype === "BOOL" ? value === 1 : value));
    assert.deepEqual(normal(vector.datatype, elements.map(written)), normal(vector.datatype, values));
    assert.deepEqual(tensor.shape, vector.shape);
    for (const { index, value } of vector.at) {
      const position = index.reduce((/** @type {number} */ sum, /** @type {number} */ i, /** @type {number} */ d) => sum * vector.shape[d] + i, 0);
      assert.deepEqual(normal(vector.datatype, [written(elements[position])]), normal(vector.datatype, [value]));
    }
    const back = new OutputWriter(tensorSpec(vector), vector.content_type).write(tensor, -1);
    assert.equal(Buffer.from(back.bytes).toString("hex"), bytes);
    assert.deepEqual(back.shape, vector.shape);
  });
}

for (const vector of columns) {
  test(`column ${vector.name}`, () => {
    const cell = columnReader(tensorSpec(vector), vector.content_type)(wireTensor(vector));
    const cells = Array.from({ length: vector.shape[0] }, (_, row) => cell(row, row));
    assert.deepEqual(normal(vector.datatype, cells.map(written)), normal(vector.datatype, vector.values));
    const back = new OutputWriter(tensorSpec(vector), vector.content_type).write(cells, vector.shape[0]);
    assert.equal(Buffer.from(back.bytes).toString("hex"), vector.bytes);
    assert.deepEqual(back.shape, vector.shape);
  });
}

for (const { name, value, datatype, bytes, languages } of casts) {
  // The rounding to BF16 is asked of R alone; here it holds for plain numbers as well.
  if (languages !== null && !languages.includes("node") && datatype !== "BF16") continue;
  test(`cast ${name}`, () => {
    const writer = new OutputWriter(tensorSpec({ datatype, shape: [-1], content_type: null, na: null, levels: null }), null);
    const write = () => Buffer.from(writer.write([Number(value)], 1).bytes).toString("hex");
    if (bytes === null) assert.throws(write, (error) => error instanceof Fault && error.kind === "INVALID_OUTPUT");
    else assert.equal(write(), bytes);
  });
}

test("numbers are not copied out of a body", () => {
  const tensor = wireTensor({ datatype: "FP32", shape: [2], bytes: "0000803f00000040" });
  const { data } = tensorReader(tensorSpec({ datatype: "FP32", shape: [2], content_type: null, na: null, levels: null }), null)(tensor);
  assert.equal(/** @type {Float32Array} */ (data).buffer, tensor.body.buffer);
});

test("every BF16 survives as a number", () => {
  for (let bits = 0; bits < 0x10000; bits++) {
    const number = bf16ToNumber(bits);
    if (!Number.isNaN(number)) assert.equal(numberToBf16(number), bits);
  }
});

test("a number near a BF16 tie is rounded once", () => {
  assert.equal(numberToBf16(1.00390625 + 2 ** -40), 0x3f81);
  assert.equal(numberToBf16(1.01171875 - 2 ** -40), 0x3f81);
  assert.equal(numberToBf16(-1.01171875), 0xbf82);
  assert.equal(numberToBf16(1e39), 0x7f80);
  assert.equal(numberToBf16(Number.NaN), 0x7fc0);
});

for (const [text, milliseconds] of /** @type {[string, number | undefined][]} */ ([
  ["2026-01-02T03:04:05Z", 1767323045000],
  ["2026-01-02T03:04:05", 1767323045000],
  ["2026-01-02 03:04:05+01:30", 1767317645000],
  ["2026-01-02T03:04:05.1239Z", 1767323045123],
  ["2026-01-02", 1767312000000],
  ["0099-01-01T00:00:00Z", -59042995200000],
  ["2026-02-30T00:00:00Z", undefined],
  ["2026-01-02T25:00:00Z", undefined],
  ["yesterday", undefined],
])) {
  test(`reads the date ${text}`, () => assert.equal(parseDateTime(text)?.getTime(), milliseconds));
}

test("a date leaves without a fraction that is zero", () => {
  assert.equal(formatDateTime(new Date(0)), "1970-01-01T00:00:00Z");
  assert.equal(formatDateTime(new Date(120)), "1970-01-01T00:00:00.12Z");
  assert.equal(formatDateTime(new Date(10_000)), "1970-01-01T00:00:10Z");
});
