// How the function is called in each convention, and which shapes of result it may return.
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { bind } from "../harness/binding.mjs";
import { CallContext } from "../harness/context.mjs";
import { Fault } from "../harness/errors.mjs";
import { readInfer } from "../harness/infer.mjs";
import { modelFolder, ready, spec } from "./host.mjs";
import { bytesElements, encodeBody, raw } from "./wire.mjs";

/** @typedef {import("node:test").TestContext} TestContext */

/** @param {TestContext} t @param {string} source @param {object[]} inputs @param {object[]} outputs @param {object} [init] */
function model(t, source, inputs, outputs, init) {
  return ready(t, modelFolder(t, { "model.mjs": source }), inputs, outputs, init);
}

/** @param {number[]} values @param {number[]} [shape] @param {number} [index] */
function fp64(values, shape = [values.length], index = 0) {
  return { index, datatype: "FP64", shape, data: raw(Float64Array.from(values)) };
}

/** @param {string[]} values @param {number} [index] @param {string | null} [content_type] */
function text(values, index = 0, content_type = null) {
  return { index, datatype: "BYTES", content_type, shape: [values.length], data: bytesElements(...values) };
}

/** The outputs of an answer as plain numbers. @param {{result: any, error: any}} answer */
function numbers({ result, error }) {
  assert.equal(error, null, error?.message);
  return result.tensors.map((/** @type {import("./wire.mjs").WireTensor} */ { shape, data }) => ({
    shape,
    values: Array.from(new Float64Array(Uint8Array.from(data).buffer)),
  }));
}

/** The elements of a BYTES output. @param {Buffer} data */
function strings(data) {
  const found = [];
  for (let at = 0; at < data.length; at += 4 + data.readUInt32LE(at)) found.push(data.toString("utf8", at + 4, at + 4 + data.readUInt32LE(at)));
  return found;
}

const X = [spec("x", "FP64")];
const Y = [spec("y", "FP64")];

describe("conventions", { concurrency: 4 }, () => {
  test("one input is the convention tensor, and still comes by name", async (t) => {
    const { host, convention } = await model(t, "export default ({ x }) => ({ y: x.data.map((v) => v + x.shape[0]) });", X, Y);
    assert.equal(convention, "tensor");
    const { result } = await host.call({ segments: [1, 2], tensors: [fp64([1, 2, 3])] });
    assert.deepEqual(result?.segments, [1, 2]);
    assert.deepEqual(numbers({ result, error: null }), [{ shape: [3], values: [4, 5, 6] }]);
  });

  test("several inputs are the convention named, in any order of the frame", async (t) => {
    const inputs = [spec("a", "FP64"), spec("b", "FP64")];
    const { host, convention } = await model(t, "export default ({ b, a }) => ({ y: [a.data[0] - b.data[0]] });", inputs, Y);
    assert.equal(convention, "named");
    assert.deepEqual(numbers(await host.call({ segments: [1], tensors: [fp64([1], [1], 1), fp64([5], [1], 0)] })), [{ shape: [1], values: [4] }]);
  });

  test("frame: an array of objects, text and missing values included", async (t) => {
    const inputs = [spec("age", "FP64"), spec("plan", "BYTES", [-1], { na: "" }), spec("n", "INT64", [-1, 1], { na: -1 }), spec("ok", "BOOL")];
    const source = "export default (rows) => ({ json: rows.map((row) => JSON.stringify(row, (k, v) => typeof v === 'bigint' ? v + 'n' : v)) });";
    const { host, convention } = await model(t, source, inputs, [spec("json", "BYTES")], { content_type: "pd" });
    assert.equal(convention, "frame");
    const n = { index: 2, datatype: "INT64", shape: [2, 1], data: raw(BigInt64Array.of(9007199254740993n, -1n)) };
    const ok = { index: 3, datatype: "BOOL", shape: [2], data: Buffer.from([1, 0]) };
    const { result } = await host.call({ segments: [2], tensors: [fp64([1.5, 2]), text(["", "größer"], 1), n, ok] });
    assert.deepEqual(strings(/** @type {any} */ (result).tensors[0].data), [
      '{"age":1.5,"plan":null,"n":"9007199254740993n","ok":true}',
      '{"age":2,"plan":"größer","n":null,"ok":false}',
    ]);
  });

  for (const [name, source] of [
    ["rows of objects", "export default (rows) => rows.map(({ x }) => ({ y: 2 * x, z: -x }));"],
    ["an object of columns", "export default (rows) => ({ y: rows.map(({ x }) => 2 * x), z: Float64Array.from(rows, ({ x }) => -x) });"],
  ]) {
    test(`frame returns ${name}`, async (t) => {
      const { host } = await model(t, source, X, [...Y, spec("z", "FP64")], { content_type: "pd" });
      const wanted = [
        { shape: [2], values: [2, 4] },
        { shape: [2], values: [-1, -2] },
      ];
      assert.deepEqual(numbers(await host.call({ segments: [2], tensors: [fp64([1, 2])] })), wanted);
    });
  }

  test("frame returns rows of single values for the only output", async (t) => {
    const { host } = await model(t, "export default async (rows) => rows.map(({ x }) => 2 * x);", X, Y, { content_type: "pd" });
    assert.deepEqual(numbers(await host.call({ segments: [2], tensors: [fp64([1, 2])] })), [{ shape: [2], values: [2, 4] }]);
    assert.deepEqual(numbers(await host.call({ segments: [0], tensors: [fp64([])] })), [{ shape: [0], values: [] }]);
  });

  test("row: once for each row, rows of several outputs and of vectors", async (t) => {
    const source = "let calls = 0; export default ({ x }) => ({ v: [x, 2 * x], n: ++calls });";
    const { host, convention } = await model(t, source, X, [spec("v", "FP64", [-1, 2]), spec("n", "FP64", [-1, 1])], { per: "row" });
    assert.equal(convention, "row");
    const wanted = [
      { shape: [3, 2], values: [1, 2, 2, 4, 3, 6] },
      { shape: [3, 1], values: [1, 2, 3] },
    ];
    assert.deepEqual(numbers(await host.call({ segments: [1, 2], tensors: [fp64([1, 2, 3])] })), wanted);
  });

  test("row: asynchronous functions run one after the other", async (t) => {
    const source = `import { setImmediate } from "node:timers/promises"; let running = 0;
      export default async ({ x }) => { const before = ++running; await setImmediate(); running--; return x * before; };`;
    const { host } = await model(t, source, X, Y, { per: "row" });
    assert.deepEqual(numbers(await host.call({ segments: [2, 1], tensors: [fp64([1, 2, 3])] })), [{ shape: [3], values: [1, 2, 3] }]);
  });

  test("row: rows that are not counted, all and none", async (t) => {
    const { host } = await model(t, "export default ({ x }) => x;", X, Y, { per: "row" });
    const { result } = await host.call({ segments: [0], tensors: [fp64([1, 2])] });
    assert.deepEqual([result?.segments, result?.tensors[0].shape], [[0], [2]]);
    assert.deepEqual(numbers(await host.call({ segments: [0], tensors: [fp64([])] })), [{ shape: [0], values: [] }]);
  });

  test("a content type of the request counts before the signature's", async (t) => {
    const source = "export default ({ x }) => ({ kind: x.data.map((v) => v.constructor.name) });";
    const { host } = await model(t, source, [spec("x", "BYTES")], [spec("kind", "BYTES")]);
    for (const [contentType, kind] of [
      [null, "Buffer"],
      ["str", "String"],
      ["base64", "Buffer"],
      ["datetime", "Date"],
    ]) {
      const { result } = await host.call({ segments: [0], tensors: [text(["2026-01-02T03:04:05Z"], 0, contentType)] });
      assert.deepEqual(strings(/** @type {any} */ (result).tensors[0].data), [kind]);
    }
  });

  test("the model's content type counts where a tensor has none", async (t) => {
    const source = "export default ({ x }) => ({ y: x.data.map((v) => new Date(v.getTime() + 500)) });";
    const { host } = await model(t, source, [spec("x", "BYTES")], [spec("y", "BYTES")], { content_type: "datetime" });
    const { result } = await host.call({ segments: [0], tensors: [text(["2026-01-02T03:04:05+01:00"])] });
    assert.deepEqual(strings(/** @type {any} */ (result).tensors[0].data), ["2026-01-02T02:04:05.5Z"]);
  });

  test("an input that is kept stays as it was", async (t) => {
    const { host } = await model(t, "let first; export default ({ x }) => { first ??= x; return { y: first }; };", X, Y);
    await host.call({ segments: [0], tensors: [fp64([1, 2])] });
    assert.deepEqual(numbers(await host.call({ segments: [0], tensors: [fp64([8, 9])] })), [{ shape: [2], values: [1, 2] }]);
  });

  test("an answer larger than the socket takes at once", async (t) => {
    const { host } = await model(t, "export default () => ({ y: new Float64Array(500_000).fill(7) });", X, Y);
    const [{ shape, values }] = numbers(await host.call({ segments: [0], tensors: [fp64([1])] }));
    assert.deepEqual([shape, values.every((/** @type {number} */ value) => value === 7)], [[500_000], true]);
  });
});

/**
 * Binds and calls a function of x = [1, 2] in this process: what it returns is judged by the same code.
 * @param {string} expression of x @param {object} output @param {number[]} segments
 */
async function answerOf(expression, output, segments) {
  const call = new Function("{ x }", `return (${expression});`);
  const model = /** @type {any} */ ({ entry: "model.mjs:default", folder: "/model", function: call, perRow: false, contentType: null });
  const { run } = bind(model, /** @type {any} */ ({ inputs: X, outputs: [output] }));
  const { outputs } = await run(readInfer(encodeBody({ segments, tensors: [fp64([1, 2])] })), new CallContext());
  return outputs[0];
}

describe("results", () => {
  for (const [name, expression, shape, wanted] of /** @type {[string, string, number[], number[]][]} */ ([
    ["a typed array for the only output", "x.data", [-1], [2]],
    ["a typed array whose free dimension is filled", "({ y: x.data })", [-1, 2], [1, 2]],
    ["a typed array, dimension 0 being the rows", "({ y: Float64Array.of(...x.data, ...x.data) })", [-1, -1], [2, 2]],
    ["{data, shape}", "({ y: { data: x.data, shape: [2, 1] } })", [-1, 1], [2, 1]],
    ["{data, shape} for the only output", "({ data: [1, 2], shape: [2] })", [-1], [2]],
    ["nested arrays", "({ y: [[1, 2, 3], [4, 5, 6]] })", [-1, 3], [2, 3]],
    ["arrays of typed arrays", "({ y: [x.data, x.data] })", [-1, 2], [2, 2]],
    ["[n] for [n,1]", "({ y: [1, 2] })", [-1, 1], [2, 1]],
    ["[n,1] for [n]", "({ y: [[1], [2]] })", [-1], [2]],
    ["a Map", "new Map([['y', x.data]])", [-1], [2]],
    ["a number for one element", "7", [1], [1]],
    ["a number for a scalar", "({ y: 7 })", [], []],
    ["an empty array for no rows", "[]", [-1, 3], [0, 3]],
    ["a promise", "Promise.resolve({ y: x })", [-1], [2]],
  ])) {
    test(name, async () => {
      const counted = wanted[0] === 2;
      const { shape: answered, bytes } = await answerOf(expression, spec("y", "FP64", shape), counted ? [1, 1] : [0]);
      assert.deepEqual([answered, bytes.length], [wanted, 8 * wanted.reduce((product, dimension) => product * dimension, 1)]);
    });
  }

  for (const [name, expression, datatype, shape, message] of /** @type {[string, string, string, number[], RegExp][]} */ ([
    ["a missing output", "({ z: 1 })", "FP64", [-1], /output y is missing.*returned z/],
    ["nothing", "undefined", "INT32", [1], /y.*missing/],
    ["text for numbers", "({ y: ['a', 'b'] })", "FP64", [-1], /y, row 0: "a" is no FP64/],
    ["numbers for text", "({ y: [1, 2] })", "BYTES", [-1], /y, row 0: 1 is no BYTES/],
    ["another typed array", "({ y: new Float64Array(2) })", "FP32", [-1], /y is a Float64Array; FP32 is a Float32Array/],
    ["a wrong number of rows", "({ y: [1, 2, 3] })", "FP64", [-1], /3 rows for 2/],
    ["a wrong dimension", "({ y: [[1, 2], [3, 4]] })", "FP64", [-1, 3], /shape \[2,2\], the signature says \[-1,3\]/],
    ["a ragged array", "({ y: [[1, 2], [3]] })", "FP64", [-1, 2], /row 1: an array of 1/],
    ["an array that contains itself", "(() => { const y = []; y.push(y, y); return { y }; })()", "FP64", [-1], /y/],
    ["a shape that its data does not fill", "({ y: { data: [1], shape: [2] } })", "FP64", [-1], /1 elements, its shape \[2\] 2/],
    ["a missing value without na", "({ y: [1, null] })", "INT64", [-1], /y, row 1: .*missing.*na/],
    ["a fraction for an integer", "({ y: [1, 1.5] })", "INT32", [-1], /row 1: 1.5 is no INT32/],
    ["a date that is none", "({ y: ['2026', 'x'] })", "FP64", [-1], /"2026" is no FP64/],
  ])) {
    test(`${name} is INVALID_OUTPUT`, async () => {
      const isExpected = (/** @type {unknown} */ error) => error instanceof Fault && error.kind === "INVALID_OUTPUT" && message.test(error.message);
      await assert.rejects(answerOf(expression, spec("y", datatype, shape), [2]), isExpected);
    });
  }
});
