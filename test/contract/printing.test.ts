// What a model prints goes to the log, with where it comes from, and never into an answer.
import assert from "node:assert/strict";
import { contract, type Subject } from "../support/contract.ts";
import type { LogEntry } from "../support/server.ts";
import { assertSameTensor, tensor } from "../support/tensors.ts";

const PRINTED_LINES = 1000;

function noisyStdout(subject: Subject): void {
  const { model, expect } = subject;
  const printed = (msg: string, stream: string, since = 0): Promise<LogEntry> =>
    subject.server.logged((entry) => entry.model === model && entry.msg === msg && entry.stream === stream, since);
  const call = async (value: number): Promise<void> => {
    const { y } = await subject.server.client.infer(model, [tensor("x", "INT32", [value])]);
    assertSameTensor(y, tensor("y", "INT32", [value]));
  };

  expect("what it prints while it loads reaches the log", async () => {
    await printed("loading noisy", "stdout");
  });
  expect("a printed line reaches the log with model, version, instance and stream", async () => {
    await call(7);
    const { version, instance } = await printed("out 7", "stdout");
    assert.deepEqual([version, instance], ["1", `${model}/1#1`]);
    await printed("err 7", "stderr");
  });
  expect("every one of many lines reaches the log, in order", async () => {
    const since = subject.server.log.count;
    await call(8);
    const lines: string[] = [];
    await subject.server.logged((entry) => {
      if (entry.model === model && entry.stream === "stdout" && entry.msg.startsWith("line ")) lines.push(entry.msg);
      return lines.length === PRINTED_LINES;
    }, since);
    assert.deepEqual(
      lines,
      Array.from({ length: PRINTED_LINES }, (_, i) => `line ${i}`),
    );
  });
  expect("bytes that are no UTF-8 are logged with replacement characters", async () => {
    const since = subject.server.log.count;
    await call(9);
    await subject.server.logged((entry) => entry.model === model && entry.stream === "stdout" && entry.msg.includes("\ufffd"), since);
  });
  expect("many calls that print get their own answers", async () => {
    await Promise.all(Array.from({ length: 10 }, (_, i) => call(100 + i)));
  });
}

contract({ noisy_stdout: noisyStdout });
