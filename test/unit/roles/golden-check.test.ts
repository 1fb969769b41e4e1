import assert from "node:assert/strict";
import { describe, type TestContext, test } from "node:test";
import { IdiomError } from "../../../src/core/errors.ts";
import type { Invocation, Outcome } from "../../../src/core/invocation.ts";
import type { Manifest } from "../../../src/core/model.ts";
import type { Tensor } from "../../../src/core/tensor.ts";
import { RealtimeLane } from "../../../src/lanes/realtime/lane.ts";
import { checkGolden, type GoldenReport } from "../../../src/roles/golden-check.ts";
import { elements, float64 } from "../../support/bytes.ts";
import { temporaryFolder } from "../../support/folders.ts";
import { batching, modelVersion, signature, spec, tensor } from "../../support/specs.ts";

const SIGNATURE = signature([spec("x", "FP64", [-1])], [spec("y", "FP64", [-1]), spec("label", "BYTES", [-1])]);
const RIGHT_OUTPUTS = [tensor("FP64", [2], float64(0.5, Number.NaN)), tensor("BYTES", [2], elements("a", "b"))] as const;
const RIGHT: Outcome = answer(...RIGHT_OUTPUTS);

function answer(...outputs: Tensor[]): Outcome {
  return { ok: true, outputs, timings: { queueMs: 0, computeMs: 0 } };
}

function recorded(inputs = "x"): string {
  const x = { name: inputs, datatype: "FP64", shape: [2], data: [1, 2] };
  const y = { name: "y", datatype: "FP64", shape: [2], data: [0.5, "NaN"] };
  const label = { name: "label", datatype: "BYTES", shape: [2], data: ["a", "b"] };
  return JSON.stringify({ request: { inputs: [x] }, response: { outputs: [label, y] } });
}

/** Checks golden files against a model that always answers so; `asked` gets what it was asked. */
function check(
  t: TestContext,
  files: Record<string, string>,
  outcome: Outcome,
  { asked = [] as Invocation[], manifest = {} as Partial<Manifest> } = {},
): Promise<GoldenReport> {
  const version = { ...modelVersion(manifest), folder: temporaryFolder(t, files) };
  const lane = new RealtimeLane();
  const consumer = {
    directIsOpen: true,
    environment: "e",
    wantsBatch: true,
    offer(invocation: Invocation): void {
      asked.push(invocation);
      invocation.settle(outcome);
    },
  };
  lane.attach(version.key, consumer);
  return checkGolden(version, SIGNATURE, lane);
}

describe("a golden check", () => {
  test("passes when every answer has the recorded bits, in whatever order they were recorded", async (t) => {
    assert.deepEqual(await check(t, { "golden/a.json": recorded(), "golden/b.json": recorded() }, RIGHT), { result: "passed", files: 2, rows: 4 });
  });

  test("says so where there are no golden files", async (t) => {
    assert.deepEqual(await check(t, {}, RIGHT), { result: "none" });
  });

  test("asks as a caller would, and counts rows where requests may be merged", async (t) => {
    const asked: Invocation[] = [];
    await check(t, { "golden/a.json": recorded() }, RIGHT, { asked, manifest: batching(8) });
    await check(t, { "golden/a.json": recorded() }, RIGHT, { asked });
    assert.deepEqual(
      asked.map(({ request }) => [request.rows, request.bytes, request.inputs.map(({ data }) => Buffer.from(data))]),
      [
        [2, 16, [float64(1, 2)]],
        [0, 16, [float64(1, 2)]],
      ],
    );
  });

  for (const [datatype, quiet, other] of [
    ["FP64", "000000000000f87f", "550000000000f87f"],
    ["FP32", "0000c07f", "5500c07f"],
    ["FP16", "007e", "557e"],
    ["BF16", "c07f", "d5ff"],
  ] as const) {
    test(`takes any NaN of ${datatype} for the recorded one`, async (t) => {
      const y = { name: "y", datatype, shape: [1], data: ["NaN"] };
      const golden = JSON.stringify({ request: { inputs: [{ name: "x", datatype: "FP64", shape: [1], data: [1] }] }, response: { outputs: [y] } });
      for (const bits of [quiet, other]) {
        const report = await check(t, { "golden/a.json": golden }, answer(tensor(datatype, [1], Buffer.from(bits, "hex"))));
        assert.equal(report.result, "passed");
      }
    });
  }

  test("takes [n] and [n,1] for each other", async (t) => {
    const [y, label] = RIGHT_OUTPUTS;
    assert.equal((await check(t, { "golden/a.json": recorded() }, answer({ ...y, shape: [2, 1] }, label))).result, "passed");
  });
});

describe("a golden check fails, and names the file and", () => {
  const [y, labels] = RIGHT_OUTPUTS;

  test("the first element that differs", async (t) => {
    const report = await check(t, { "golden/a.json": recorded() }, answer(tensor("FP64", [2], float64(0.5, 0.25)), labels));
    assert.deepEqual(report, { result: "failed", file: "golden/a.json", reason: "output 'y' differs from the recorded answer at element 1" });
  });

  test("the difference in the last bit of a number", async (t) => {
    const off = float64(0.5, Number.NaN);
    off.writeUInt8(1, 0);
    const report = await check(t, { "golden/a.json": recorded() }, answer(tensor("FP64", [2], off), labels));
    assert.deepEqual(report, { result: "failed", file: "golden/a.json", reason: "output 'y' differs from the recorded answer at element 0" });
  });

  test("text that differs", async (t) => {
    const report = await check(t, { "golden/a.json": recorded() }, answer(y, tensor("BYTES", [2], elements("a", "c"))));
    assert.deepEqual(report, { result: "failed", file: "golden/a.json", reason: "output 'label' differs from the recorded answer at element 1" });
  });

  test("an answer of another length", async (t) => {
    const report = await check(t, { "golden/a.json": recorded() }, answer(tensor("FP64", [1], float64(0.5)), labels));
    assert.deepEqual(report, { result: "failed", file: "golden/a.json", reason: "output 'y' has the shape [1], recorded was [2]" });
  });

  test("an answer of the same bits in another shape", async (t) => {
    const report = await check(t, { "golden/a.json": recorded() }, answer({ ...y, shape: [1, 2] }, labels));
    assert.deepEqual(report, { result: "failed", file: "golden/a.json", reason: "output 'y' has the shape [1,2], recorded was [2]" });
  });

  test("what the model said instead of an answer", async (t) => {
    const report = await check(t, { "golden/a.json": recorded() }, { ok: false, error: new IdiomError("MODEL_ERROR", "it raised") });
    assert.deepEqual(report, { result: "failed", file: "golden/a.json", reason: "it raised" });
  });

  test("an input that it lacks", async (t) => {
    const report = await check(t, { "golden/a.json": recorded("z") }, RIGHT);
    assert.deepEqual(report, { result: "failed", file: "golden/a.json", reason: "'x' is not in the golden file" });
  });

  test("the second file where the first is right", async (t) => {
    const report = await check(t, { "golden/a.json": recorded(), "golden/b.json": recorded("z") }, RIGHT);
    assert.deepEqual(report, { result: "failed", file: "golden/b.json", reason: "'x' is not in the golden file" });
  });

  test("what is wrong with it", async (t) => {
    const report = await check(t, { "golden/a.json": "{" }, RIGHT);
    assert.ok(report.result === "failed");
    assert.match(report.reason, /^golden\/a\.json: /);
  });
});
