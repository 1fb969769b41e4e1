// What the author's code raises and what does not fit the signature: each caller gets its own error or its own answer.
import assert from "node:assert/strict";
import { type ServiceError, status } from "@grpc/grpc-js";
import { errorCode, failureOf } from "../support/client.ts";
import { contract, type Subject } from "../support/contract.ts";
import { sourceLine } from "../support/fixture-source.ts";
import { framesDuring } from "../support/merging.ts";
import { assertSameTensor, type SentTensor, tensor } from "../support/tensors.ts";

const REQUESTS = 80;

function x(...values: number[]): SentTensor {
  return tensor("x", "FP64", values);
}

function doubled(...values: number[]): SentTensor {
  return tensor(
    "y",
    "FP64",
    values.map((value) => 2 * value),
  );
}

/** The author's exception: kind, class, text and the author's own line. */
function assertNegativeValue(subject: Subject, behaviour: string, error: ServiceError, text: string): void {
  assert.deepEqual([error.code, errorCode(error)], [status.INTERNAL, "MODEL_ERROR"], error.details);
  const [head = "", ...traceback] = error.details.split("\n");
  assert.ok(head.startsWith(`model '${subject.model}' version '1' raised`), head);
  assert.match(head, /: (\w+[.$])*NegativeValue: /);
  assert.ok(head.endsWith(`: ${text}`), head);
  const line = sourceLine(behaviour, subject.language, /^[^#]*(raise|throw|stop\()/);
  assert.ok(
    traceback.some((entry) => entry.trim().startsWith(`${line} `) || entry.trim() === line),
    `${line} is not in:\n${error.details}`,
  );
}

function raise(subject: Subject): void {
  const { model, expect } = subject;

  expect("an answer without negative values", async () => {
    const { y } = await subject.server.client.infer(model, [x(0, 1.5)]);
    assertSameTensor(y, doubled(0, 1.5));
  });
  expect("an exception is told with its class, its message and the author's line", async () => {
    const error = await failureOf(subject.server.client.infer(model, [x(1, -1.5, 2)]));
    assertNegativeValue(subject, "raise", error, "x is negative: -1.5");
  });
  expect("an exception tells no line but the author's", async () => {
    const error = await failureOf(subject.server.client.infer(model, [x(-1.5)]));
    for (const entry of error.details.split("\n").slice(1)) assert.match(entry, /^ {2}[Mm]odel\.\w+:\d+( in \S+)?$/);
  });
  expect("an exception in a merged frame is the error of its own request alone", async () => {
    const call = async (i: number): Promise<void> => {
      if (i % 8 === 3)
        assertNegativeValue(subject, "raise", await failureOf(subject.server.client.infer(model, [x(i, -i - 0.5)])), `x is negative: ${-i - 0.5}`);
      else assertSameTensor((await subject.server.client.infer(model, [x(i, i + 0.5)]))["y"], doubled(i, i + 0.5));
    };
    const { runs } = await framesDuring(subject.server, model, () => Promise.all(Array.from({ length: REQUESTS }, (_, i) => call(i))));
    assert.ok(runs > REQUESTS, "at least one failing request shared its frame, so that others of it ran again");
  });
}

function raiseRow(subject: Subject): void {
  const { model, expect } = subject;

  expect("a row that fails fails its request, which tells the row", async () => {
    const error = await failureOf(subject.server.client.infer(model, [x(1, 2, -1.5, -2.5)]));
    assertNegativeValue(subject, "raise_row", error, "x is negative: -1.5");
    assert.match(error.details, / raised in row 2: /);
  });
  expect("a request of one row tells no row", async () => {
    const error = await failureOf(subject.server.client.infer(model, [x(-1.5)]));
    assertNegativeValue(subject, "raise_row", error, "x is negative: -1.5");
    assert.match(error.details, / raised: /);
  });
  expect("rows that fail in a merged frame fail their own requests, by the row within the request", async () => {
    const call = async (i: number): Promise<void> => {
      const rows = Array.from({ length: 1 + (i % 4) }, (_, row) => i + row / 4);
      if (i % 2 === 0) return assertSameTensor((await subject.server.client.infer(model, [x(...rows)]))["y"], doubled(...rows));
      const error = await failureOf(subject.server.client.infer(model, [x(...rows, -i - 0.5)]));
      assertNegativeValue(subject, "raise_row", error, `x is negative: ${-i - 0.5}`);
      assert.match(error.details, new RegExp(` raised in row ${rows.length}: `));
    };
    const { frames, runs } = await framesDuring(subject.server, model, () => Promise.all(Array.from({ length: REQUESTS }, (_, i) => call(i))));
    assert.equal(runs, REQUESTS, "no request ran again");
    assert.ok(frames < REQUESTS / 2, `${REQUESTS / 2} failing requests ran in ${frames} frames`);
  });
}

const WRONG_OUTPUTS: Readonly<Record<number, string>> = {
  1: "three columns instead of two",
  2: "text instead of numbers",
  3: "no output of that name",
  4: "a row too many",
};

function wrongOutput(subject: Subject): void {
  const { model, expect } = subject;
  const chosen = (choice: number, rows: number): SentTensor => tensor("x", "INT32", new Array(rows).fill(choice));
  const zeros = (rows: number): SentTensor => tensor("y", "FP64", new Array(rows * 2).fill(0), [rows, 2]);

  expect("an answer that fits", async () => {
    const { y } = await subject.server.client.infer(model, [chosen(0, 3)]);
    assertSameTensor(y, zeros(3));
  });
  for (const [choice, what] of Object.entries(WRONG_OUTPUTS)) {
    expect(`${what} is INVALID_OUTPUT`, async () => {
      const error = await failureOf(subject.server.client.infer(model, [chosen(Number(choice), 2)]));
      assert.deepEqual([error.code, errorCode(error)], [status.INTERNAL, "INVALID_OUTPUT"], error.details);
      assert.match(error.details, /'?\by\b'?/);
    });
  }
  expect("a wrong answer to a merged frame hurts no caller whose own answer fits", async () => {
    const call = async (i: number): Promise<void> => {
      const rows = 1 + (i % 2);
      const answer = subject.server.client.infer(model, [chosen(i % 5, rows)]);
      if (i % 5 === 0) return assertSameTensor((await answer)["y"], zeros(rows));
      // What the model answers depends on the first row of its frame, so these may have got zeros, too.
      await answer.catch((error: ServiceError) => assert.equal(errorCode(error), "INVALID_OUTPUT"));
    };
    const { runs } = await framesDuring(subject.server, model, () => Promise.all(Array.from({ length: REQUESTS }, (_, i) => call(i))));
    assert.ok(runs > REQUESTS, "at least one merged frame got a wrong answer and ran again, request by request");
  });
}

contract({ raise, raise_row: raiseRow, wrong_output: wrongOutput });
