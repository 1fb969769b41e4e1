// What a call that fails answers: kind, class, message, the author's lines, and which segment.
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { modelFolder, ready, spec } from "./host.mjs";
import { bytesElements, raw } from "./wire.mjs";

const X = [spec("x", "FP64")];
const Y = [spec("y", "FP64")];

/** @param {number[]} values */
function fp64(...values) {
  return { index: 0, datatype: "FP64", shape: [values.length], data: raw(Float64Array.from(values)) };
}

/** @param {import("node:test").TestContext} t @param {string} source @param {object} [init] */
async function model(t, source, init) {
  return (await ready(t, modelFolder(t, { "model.mjs": source, "helper.mjs": HELPER }), X, Y, init)).host;
}

const HELPER = `export class NegativeValue extends Error {}

export function check(x) {
  if (x < 0) throw new NegativeValue(\`x is negative: \${x}\`);
}
`;

describe("errors", { concurrency: 4 }, () => {
  test("the traceback has the author's files only, innermost last", async (t) => {
    const source = `import { check } from "./helper.mjs";

export default function predict({ x }) {
  [...x.data].forEach((value) => check(value));
  return { y: x };
}
`;
    const host = await model(t, source);
    const { error } = await host.call({ segments: [2], tensors: [fp64(1, -2)] });
    assert.deepEqual(error, {
      kind: "MODEL_ERROR",
      type: "NegativeValue",
      message: "x is negative: -2",
      traceback: ["model.mjs:4 in predict", "model.mjs:4 in <anonymous>", "helper.mjs:4 in check"],
      segment: null,
      row: null,
    });
    assert.equal((await host.call({ segments: [1], tensors: [fp64(1)] }, 2n)).error, null);
  });

  test("an asynchronous failure is no different", async (t) => {
    const source = `import { check } from "./helper.mjs";
export default async function predict({ x }) {
  await null;
  check(x.data[0]);
}
`;
    const { error } = await (await model(t, source)).call({ segments: [1], tensors: [fp64(-1)] });
    assert.deepEqual([error.kind, error.type, error.traceback], ["MODEL_ERROR", "NegativeValue", ["model.mjs:4 in predict", "helper.mjs:4 in check"]]);
  });

  test("the author's lines are found below many calls", async (t) => {
    const source = `const deep = (calls, x) => (calls === 0 ? check(x) : deep(calls - 1, x));
import { check } from "./helper.mjs";
export default function predict({ x }) {
  deep(40, x.data[0]);
}
`;
    const { error } = await (await model(t, source)).call({ segments: [1], tensors: [fp64(-1)] });
    assert.deepEqual([error.traceback[0], error.traceback.length], ["model.mjs:4 in predict", 43]);
  });

  for (const [thrown, type, message] of /** @type {[string, string | null, string][]} */ ([
    ["'text'", null, "text"],
    ["undefined", null, "undefined"],
    ["null", null, "null"],
    ["{ message: 'an object' }", "Object", "an object"],
    ["Object.assign(new Error('named'), { name: 'NegativeValue' })", "NegativeValue", "named"],
    ["Object.assign(new TypeError('no stack'), { stack: 7 })", "TypeError", "no stack"],
    ["new Proxy({}, { get() { throw 1; }, has() { throw 2; } })", null, "the model threw a value that cannot be read"],
    ["new Error('x'.repeat(1e6))", "Error", "x".repeat(65536)],
  ])) {
    test(`throw ${thrown}`, async (t) => {
      const { error } = await (await model(t, `export default () => { throw ${thrown}; };`)).call({ segments: [1], tensors: [fp64(1)] });
      assert.deepEqual([error.kind, error.type, error.message], ["MODEL_ERROR", type, message]);
    });
  }

  test("a result that fails when it is read is the model's error", async (t) => {
    const { error } = await (await model(t, "export default () => ({ get y() { throw new RangeError('no'); } });")).call({ segments: [1], tensors: [fp64(1)] });
    assert.deepEqual([error.kind, error.type, error.message], ["MODEL_ERROR", "RangeError", "no"]);
  });

  test("endless recursion", async (t) => {
    const { error } = await (await model(t, "const f = () => f() + 1; export default f;")).call({ segments: [1], tensors: [fp64(1)] });
    assert.deepEqual([error.kind, error.type], ["MODEL_ERROR", "RangeError"]);
  });

  test("memory outside of the heap is exhausted", async (t) => {
    const source = "export default () => { const all = []; for (;;) all.push(new ArrayBuffer(2 ** 46)); };";
    const { error } = await (await model(t, source)).call({ segments: [1], tensors: [fp64(1)] });
    assert.deepEqual([error.kind, error.type], ["OUT_OF_MEMORY", "RangeError"]);
  });

  test("an answer beyond max_frame", async (t) => {
    const host = await model(t, "export default ({ x }) => ({ y: new Float64Array(x.data[0]) });", { max_frame: 4096 });
    const { error } = await host.call({ segments: [0], tensors: [fp64(1000)] });
    assert.equal(error.kind, "RESULT_TOO_LARGE");
    assert.match(error.message, /8048 bytes.*4096/);
    assert.equal((await host.call({ segments: [0], tensors: [fp64(1)] })).error, null);
  });

  test("row: a row that fails takes its segment with it and no other", async (t) => {
    const source = `import { check } from "./helper.mjs";
export default function predict({ x }) {
  check(x);
  return x === 5 ? "text" : 10 * x;
}
`;
    const host = await model(t, source, { per: "row" });
    const { result } = await host.call({ segments: [1, 3, 2, 2], tensors: [fp64(1, 2, -3, -4, 4, 5, 6, 7)] });
    assert.deepEqual(result?.segments, [1, 0, 0, 2]);
    assert.deepEqual(Array.from(new Float64Array(Uint8Array.from(/** @type {any} */ (result).tensors[0].data).buffer)), [10, 60, 70]);
    assert.deepEqual(result?.errors, [
      {
        segment: 1,
        row: 1,
        kind: "MODEL_ERROR",
        type: "NegativeValue",
        message: "x is negative: -3",
        traceback: ["model.mjs:3 in predict", "helper.mjs:4 in check"],
      },
      { segment: 2, row: 1, kind: "INVALID_OUTPUT", type: null, message: 'output y, row 1: "text" is no FP64', traceback: [] },
    ]);
  });

  test("row: every row failed, asynchronously", async (t) => {
    const host = await model(t, "export default async () => { throw new Error('no'); };", { per: "row" });
    const { result } = await host.call({ segments: [1, 2], tensors: [fp64(1, 2, 3)] });
    assert.deepEqual(
      [result?.segments, result?.tensors[0].shape, result?.errors?.map(({ segment, row }) => [segment, row])],
      [
        [0, 0],
        [0],
        [
          [0, 0],
          [1, 0],
        ],
      ],
    );
  });

  test("row: an unseen level is its segment's error", async (t) => {
    const folder = modelFolder(t, { "model.mjs": "export default ({ plan }) => plan.length;" });
    const { host } = await ready(t, folder, [spec("plan", "BYTES", [-1], { levels: ["basic", "premium"] })], Y, { per: "row" });
    const { result } = await host.call({
      segments: [1, 2],
      tensors: [{ index: 0, datatype: "BYTES", shape: [3], data: bytesElements("basic", "basic", "gold") }],
    });
    assert.deepEqual(result?.segments, [1, 0]);
    assert.equal(result?.errors?.[0].kind, "INVALID_INPUT");
    assert.match(result?.errors?.[0].message, /plan, row 1: "gold" is none of the levels/);
  });

  for (const [name, init, more, bytes, message] of /** @type {[string, object, object, Buffer, RegExp][]} */ ([
    ["an unseen level", { content_type: "pd" }, { levels: ["low"] }, Buffer.from("high"), /x, row 0: "high" is none of the levels \["low"\]/],
    ["text that is no date", {}, { content_type: "datetime" }, Buffer.from("soon"), /x, row 0: "soon" is no ISO 8601 date/],
    ["text that is no UTF-8", {}, { content_type: "str" }, Buffer.from([0xff]), /x, row 0: .*UTF-8/],
  ])) {
    test(`${name} is INVALID_INPUT`, async (t) => {
      const folder = modelFolder(t, { "model.mjs": "export default () => 1;" });
      const { host } = await ready(t, folder, [spec("x", "BYTES", [-1], more)], Y, init);
      const { error } = await host.call({ segments: [1], tensors: [{ index: 0, datatype: "BYTES", shape: [1], data: bytesElements(bytes) }] });
      assert.equal(error.kind, "INVALID_INPUT");
      assert.match(error.message, message);
    });
  }

  test("columns of different lengths are INVALID_INPUT", async (t) => {
    const folder = modelFolder(t, { "model.mjs": "export default (rows) => rows;" });
    const { host } = await ready(t, folder, [spec("a", "FP64"), spec("b", "FP64")], [spec("a", "FP64")], { content_type: "pd" });
    const { error } = await host.call({ segments: [0], tensors: [fp64(1, 2), { ...fp64(1), index: 1 }] });
    assert.deepEqual([error.kind, error.message], ["INVALID_INPUT", "input b has 1 rows, a has 2"]);
  });
});
