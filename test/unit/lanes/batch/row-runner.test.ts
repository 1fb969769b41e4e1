// Rows through a lane that answers as each test says: what is called, what runs again, and which rows are to blame.
import assert from "node:assert/strict";
import { test } from "node:test";
import { type ErrorCode, IdiomError } from "../../../../src/core/errors.ts";
import type { Invocation } from "../../../../src/core/invocation.ts";
import type { Manifest } from "../../../../src/core/model.ts";
import type { Tensor } from "../../../../src/core/tensor.ts";
import type { RowBlock } from "../../../../src/lanes/batch/data.ts";
import { RowCosts } from "../../../../src/lanes/batch/row-costs.ts";
import { NotNow, type RowRunResult, runRows } from "../../../../src/lanes/batch/row-runner.ts";
import { idiomError } from "../../../support/idiom-error.ts";
import { batching, modelVersion, spec } from "../../../support/specs.ts";
import { valuesTensor } from "../../../support/values.ts";

const TIMINGS = { queueMs: 0, computeMs: 0.001 };

/** A block whose row at place p has the value p. */
const BLOCK: RowBlock = {
  places: (from, to) => ({ from, to }),
  tensors: (from, to, shapeOf) => [
    valuesTensor(
      "INT32",
      [...shapeOf([], 0)],
      Array.from({ length: to - from }, (_, i) => from + i),
    ),
  ],
  release: () => {},
};

function rowsOf({ request }: Invocation): number[] {
  const { data } = request.inputs[0] as Tensor;
  return [...new Int32Array(Uint8Array.from(data).buffer)];
}

/** Null: the same rows come back, doubled. */
type Model = (rows: readonly number[], call: Invocation) => ErrorCode | null;

interface Ran extends RowRunResult {
  readonly calls: readonly (readonly number[])[];
  readonly values: readonly (readonly number[])[];
}

async function run(
  rows: number,
  model: Model,
  rest: Partial<Manifest> = batching(4),
  costs = new RowCosts(),
  signal = new AbortController().signal,
  allCalled = (): void => {},
): Promise<Ran> {
  const calls: number[][] = [];
  const submit = (call: Invocation): void => {
    const asked = rowsOf(call);
    calls.push(asked);
    const code = model(asked, call);
    setImmediate(() => {
      if (code !== null) return call.fail(new IdiomError(code, `no ${asked}`));
      const output = valuesTensor(
        "INT32",
        [...(call.request.inputs[0]?.shape ?? [])],
        asked.map((row) => 2 * row),
      );
      call.settle({ ok: true, outputs: [output], timings: TIMINGS });
    });
  };
  const signature = { inputs: [spec("x", "INT32", [-1])], outputs: [spec("y", "INT32", [-1])] };
  const serving = { version: modelVersion(rest), signature, slots: 1, environment: "e" };
  const result = await runRows({ serving, block: BLOCK, from: 0, to: rows, allCalled }, submit, costs, signal);
  const { outputs } = result;
  const tensors = outputs.kind === "rows" ? outputs.tensors : outputs.calls.map(([tensor]) => tensor as Tensor);
  return { ...result, calls, values: tensors.map(({ data }) => [...new Int32Array(Uint8Array.from(data).buffer)]) };
}

function upTo(rows: number): number[] {
  return Array.from({ length: rows }, (_, i) => i);
}

test("all rows are answered, in their order, in calls no larger than the model's batches", async () => {
  const { values, calls, failed } = await run(50, () => null);
  assert.deepEqual(values, [upTo(50).map((row) => 2 * row)]);
  assert.deepEqual(failed, []);
  assert.ok(calls.every((call) => call.length <= 4));
  assert.ok(calls.some((call) => call.length === 4));
});

test("a model without batching is called for each row alone", async () => {
  const { values, calls, outputs } = await run(5, () => null, {});
  assert.equal(outputs.kind, "calls");
  assert.deepEqual(calls, [[0], [1], [2], [3], [4]]);
  assert.deepEqual(values, [[0], [2], [4], [6], [8]]);
});

test("the next block's turn comes as soon as the last row is called, before it is answered", async () => {
  const order: string[] = [];
  const asked: Model = (rows) => {
    order.push(`call ${rows.at(-1)}`);
    return null;
  };
  await run(3, asked, {}, new RowCosts(), new AbortController().signal, () => order.push("all"));
  assert.deepEqual(order, ["call 0", "call 1", "all", "call 2"]);
});

test("rows that the model fails are found by halves; all others are answered", async () => {
  const bad = new Set([7, 21, 22]);
  const { values, failed } = await run(40, (rows) => (rows.some((row) => bad.has(row)) ? "MODEL_ERROR" : null));
  assert.deepEqual(
    failed.map(({ place, code, cause }) => [place, code, cause]),
    [...bad].map((row) => [row, "MODEL_ERROR", `no ${row}`]),
  );
  assert.deepEqual(values, [
    upTo(40)
      .filter((row) => !bad.has(row))
      .map((row) => 2 * row),
  ]);
});

test("a row is blamed for a death only when it has died alone, three times", async () => {
  const deaths = new Map<number, number>();
  const dies = (row: number, times: number): boolean => {
    deaths.set(row, (deaths.get(row) ?? 0) + 1);
    return (deaths.get(row) ?? 0) <= times;
  };
  const model: Model = ([row = 0]) => (row === 3 && dies(row, 2) ? "INSTANCE_DIED" : row === 5 && dies(row, 9) ? "INSTANCE_DIED" : null);
  const { failed, calls } = await run(8, model, {});
  assert.deepEqual(
    failed.map(({ place, code }) => [place, code]),
    [[5, "INSTANCE_DIED"]],
  );
  assert.equal(calls.filter(([row]) => row === 5).length, 3);
});

test("a model that cannot be called for a moment costs no row", async () => {
  let refusals = 5;
  const { values, failed } = await run(20, () => (refusals-- > 0 ? "QUEUE_FULL" : null));
  assert.deepEqual(failed, []);
  assert.deepEqual(values, [upTo(20).map((row) => 2 * row)]);
});

test("a model that cannot be called for long gives the rows back", async (t) => {
  let now = 0;
  t.mock.method(performance, "now", () => now);
  const running = run(20, () => {
    now = 6000;
    return "MODEL_NOT_READY";
  });
  await assert.rejects(running, NotNow);
});

test("once stopped, nothing more is called and what waits is abandoned", async () => {
  const stop = new AbortController();
  const waiting: Invocation[] = [];
  const running = runRows(
    {
      serving: { version: modelVersion({}), signature: { inputs: [spec("x", "INT32", [-1])], outputs: [] }, slots: 1, environment: "e" },
      block: BLOCK,
      from: 0,
      to: 50,
      allCalled: () => {},
    },
    (call) => waiting.push(call),
    new RowCosts(),
    stop.signal,
  );
  stop.abort();
  await assert.rejects(running, { code: "CANCELLED" });
  assert.ok(waiting.length > 0 && waiting.every((call) => call.settled));
});

test("answers whose rows differ in shape are no column: the rows fail as a whole, and say why", { timeout: 10_000 }, async () => {
  const running = runRows(
    {
      serving: {
        version: modelVersion(batching(2)),
        signature: { inputs: [spec("x", "INT32", [-1])], outputs: [spec("y", "INT32", [-1, -1])] },
        slots: 1,
        environment: "e",
      },
      block: BLOCK,
      from: 0,
      to: 6,
      allCalled: () => {},
    },
    (call) => {
      const rows = rowsOf(call);
      const width = rows.includes(0) ? 2 : 3;
      const output = valuesTensor("INT32", [rows.length, width], Array(rows.length * width).fill(0));
      setImmediate(() => call.settle({ ok: true, outputs: [output], timings: TIMINGS }));
    },
    new RowCosts(),
    new AbortController().signal,
  );
  await assert.rejects(running, idiomError("INVALID_OUTPUT", /output 'y' has rows of the shapes \[2\] and \[3\]/));
});
