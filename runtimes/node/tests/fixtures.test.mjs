// The Node models of the behaviour suite (test/contract/README.md), as far as one harness can show them.
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { fixture, Host, ready, spec } from "./host.mjs";
import { bytesElements, raw } from "./wire.mjs";

const TYPED = /** @type {Record<string, any>} */ ({ INT32: Int32Array, FP64: Float64Array, INT64: BigInt64Array });

/** @param {number} index @param {"INT32" | "FP64" | "INT64"} datatype @param {(number | bigint)[]} values @param {number[]} [shape] */
function tensor(index, datatype, values, shape = [values.length]) {
  return { index, datatype, shape, data: raw(TYPED[datatype].from(values)) };
}

/** @param {any} output */
function values({ datatype, data }) {
  return Array.from(new TYPED[datatype](Uint8Array.from(data).buffer));
}

/** Binds a fixture of one input x and one output y. @param {import("node:test").TestContext} t @param {string} behaviour @param {"INT32" | "FP64"} datatype @param {number[]} [shape] @param {object} [init] */
async function simple(t, behaviour, datatype, shape = [-1], init = {}) {
  return (await ready(t, fixture(behaviour), [spec("x", datatype, shape)], [spec("y", datatype, shape)], init)).host;
}

describe("fixtures", { concurrency: 4 }, () => {
  test("echo_datatypes", async (t) => {
    const types = { BOOL: 1, INT8: 1, INT16: 2, INT32: 4, INT64: 8, UINT8: 1, UINT16: 2, UINT32: 4, UINT64: 8, FP16: 2, FP32: 4, FP64: 8, BF16: 2, BYTES: 0 };
    const named = (/** @type {string} */ prefix) => Object.keys(types).map((datatype) => spec(prefix + datatype.toLowerCase(), datatype));
    const { host } = await ready(t, fixture("echo_datatypes"), named("x_"), named("y_"));
    const tensors = Object.entries(types).map(([datatype, size], index) => ({
      index,
      datatype,
      content_type: null,
      shape: [2],
      data: size === 0 ? bytesElements("a", "\0ö") : Buffer.alloc(2 * size, 1),
    }));
    assert.deepEqual((await host.call({ segments: [0], tensors })).result?.tensors, tensors);
  });

  test("matrix", async (t) => {
    const host = await simple(t, "matrix", "INT32", [-1, -1]);
    const { result } = await host.call({ segments: [1, 1], tensors: [tensor(0, "INT32", [1, 2, 3, 4, 5, 6], [2, 3])] });
    assert.deepEqual(
      [result?.tensors[0].shape, values(result?.tensors[0])],
      [
        [2, 3],
        [10, 21, 32, 40, 51, 62],
      ],
    );
  });

  test("named", async (t) => {
    const specs = (/** @type {string[]} */ ...names) => names.map((name) => spec(name, "INT32", [-1, 2]));
    const { host } = await ready(t, fixture("named"), specs("a", "b"), specs("sum", "difference"));
    const { result } = await host.call({ segments: [1], tensors: [tensor(0, "INT32", [5, 6], [1, 2]), tensor(1, "INT32", [1, 9], [1, 2])] });
    assert.deepEqual(result?.tensors.map(values), [
      [6, 15],
      [4, -3],
    ]);
  });

  test("frame", async (t) => {
    const inputs = [spec("age", "FP64"), spec("plan", "BYTES", [-1], { levels: ["basic", "premium"], na: "" }), spec("visits", "INT64", [-1], { na: -1 })];
    const { host } = await ready(t, fixture("frame"), inputs, [spec("score", "FP64"), spec("label", "BYTES", [-1], { na: "" })], { content_type: "pd" });
    const plan = { index: 1, datatype: "BYTES", shape: [3], data: bytesElements("premium", "", "basic") };
    const { result } = await host.call({ segments: [3], tensors: [tensor(0, "FP64", [1, 2, 3]), plan, tensor(2, "INT64", [9007199254740993n, 1n, -1n])] });
    assert.deepEqual(values(result?.tensors[0]), [102, Number.NaN, 6]);
    assert.deepEqual(result?.tensors[1].data, bytesElements("premium:9007199254740993", "", ""));
  });

  for (const [behaviour, init] of /** @type {[string, object][]} */ ([
    ["row", { per: "row" }],
    ["inferred", {}],
  ])) {
    test(behaviour, async (t) => {
      const host = new Host(t, fixture(behaviour));
      await host.init(init);
      const { hints } = (await host.expect("LOADED")).json;
      const inputs = [spec("age", "FP64"), spec("plan", "BYTES")];
      if (behaviour === "inferred") assert.deepEqual(hints, { inputs, outputs: [spec("output", "FP64")] });
      assert.equal(await host.bind(inputs, hints.outputs ?? [spec("p", "FP64")]), "row");
      const plan = { index: 1, datatype: "BYTES", shape: [2], data: bytesElements("premium", "basic") };
      assert.deepEqual(values((await host.call({ segments: [1, 1], tensors: [tensor(0, "FP64", [50, 25]), plan] })).result?.tensors[0]), [1.5, 0.25]);
    });
  }

  test("raise", async (t) => {
    const host = await simple(t, "raise", "FP64");
    const { error } = await host.call({ segments: [1, 1], tensors: [tensor(0, "FP64", [1, -1.5])] });
    assert.deepEqual(
      [error.kind, error.type, error.message, error.traceback],
      ["MODEL_ERROR", "NegativeValue", "x is negative: -1.5", ["model.mjs:5 in predict"]],
    );
    assert.deepEqual(values((await host.call({ segments: [2], tensors: [tensor(0, "FP64", [1, 2])] })).result?.tensors[0]), [2, 4]);
  });

  test("raise_row", async (t) => {
    const host = await simple(t, "raise_row", "FP64", [-1], { per: "row" });
    const { result } = await host.call({ segments: [1, 1, 1], tensors: [tensor(0, "FP64", [1, -1, 3])] });
    assert.deepEqual([result?.segments, values(result?.tensors[0]), result?.errors?.[0].type], [[1, 0, 1], [2, 6], "NegativeValue"]);
  });

  test("slow", async (t) => {
    const host = await simple(t, "slow", "INT32");
    assert.deepEqual(values((await host.call({ segments: [0], tensors: [tensor(0, "INT32", [1, 7])] })).result?.tensors[0]), [1, 7]);
    host.infer({ segments: [0], tensors: [tensor(0, "INT32", [600_000])] }, 2n);
    host.send("CANCEL", { reason: "deadline" }, 2n);
    assert.equal((await host.expect("ERROR")).json.kind, "CANCELLED");
  });

  test("noisy_stdout", async (t) => {
    const host = await simple(t, "noisy_stdout", "INT32");
    assert.deepEqual(values((await host.call({ segments: [0], tensors: [tensor(0, "INT32", [4])] })).result?.tensors[0]), [4]);
    host.send("DRAIN", {});
    assert.equal(await host.exited, 0);
    assert.match(host.stdout, /^loading noisy\nout 4\nline 0\n[\s\S]*line 999\n/);
    assert.equal(host.stderr, "err 4\n");
    assert.ok(Buffer.concat(host.printed).includes(Buffer.from([0xff, 0xfe])));
  });

  test("wrong_output", async (t) => {
    const { host } = await ready(t, fixture("wrong_output"), [spec("x", "INT32")], [spec("y", "FP64", [-1, 2])]);
    const kinds = [];
    for (const choice of [0, 1, 2, 3, 4]) {
      const { error } = await host.call({ segments: [1, 1], tensors: [tensor(0, "INT32", [choice, 0])] });
      kinds.push(error?.kind ?? null);
    }
    assert.deepEqual(kinds, [null, "INVALID_OUTPUT", "INVALID_OUTPUT", "INVALID_OUTPUT", "INVALID_OUTPUT"]);
  });

  test("fails_to_load", async (t) => {
    const host = new Host(t, fixture("fails_to_load"));
    await host.init();
    const { json } = await host.expect("FAILED");
    assert.deepEqual([json.kind, json.message, json.traceback], ["LOAD_FAILED", "cannot find the weights", ["model.mjs:1 in <module>"]]);
    assert.equal(await host.exited, 1);
  });

  for (const [behaviour, answers] of /** @type {[string, boolean][]} */ ([
    ["exits_while_serving", false],
    ["answers_then_exits", true],
  ])) {
    test(behaviour, async (t) => {
      const host = await simple(t, behaviour, "INT32");
      assert.deepEqual(values((await host.call({ segments: [0], tensors: [tensor(0, "INT32", [1])] })).result?.tensors[0]), [1]);
      host.infer({ segments: [0], tensors: [tensor(0, "INT32", [-1])] }, 2n);
      if (answers) await host.expect("RESULT");
      assert.equal(await host.exited, 3);
    });
  }

  test("keeps_state", async (t) => {
    const { host } = await ready(t, fixture("keeps_state"), [spec("x", "INT32")], [spec("count", "INT64", [1])]);
    for (const count of [1n, 2n]) {
      const { result } = await host.call({ segments: [0], tensors: [tensor(0, "INT32", [0])] });
      assert.deepEqual([result?.tensors[0].shape, values(result?.tensors[0])], [[1], [count]]);
    }
  });
});
