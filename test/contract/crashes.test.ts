// A model that ends its own process: its callers get right answers or one explicit error, and it is ready again by itself.
import assert from "node:assert/strict";
import { status } from "@grpc/grpc-js";
import { errorCode, failureOf } from "../support/client.ts";
import { contract, type Subject } from "../support/contract.ts";
import { assertSameTensor, type SentTensor, tensor } from "../support/tensors.ts";

function x(value: number): SentTensor {
  return tensor("x", "INT32", [value]);
}

async function assertEchoes(subject: Subject, value: number): Promise<void> {
  const { y } = await subject.server.client.infer(subject.model, [x(value)]);
  assertSameTensor(y, { ...x(value), name: "y" });
}

function exitsWhileServing(subject: Subject): void {
  const { model, expect } = subject;

  expect("the request that ends the process gets one error that says so, every other one its answer, and the version is ready again", async () => {
    const watch = await subject.server.health.watch(model);
    const others = Array.from({ length: 20 }, (_, i) => assertEchoes(subject, i));
    const error = await failureOf(subject.server.client.infer(model, [x(-1)]));
    assert.deepEqual([error.code, errorCode(error)], [status.INVALID_ARGUMENT, "POISONOUS_REQUEST"]);
    assert.match(
      error.details,
      /has ended the process of model '.+' version '1' twice while it ran alone, and is refused for 600 s: the process exited with status 3$/,
    );
    await Promise.all(others);
    await watch.until("NOT_SERVING");
    await watch.until("SERVING");
    await assertEchoes(subject, 7);
  });
}

function answersThenExits(subject: Subject): void {
  const { model, expect } = subject;

  expect("the last answer before the process ends arrives", async () => {
    const watch = await subject.server.health.watch(model);
    await assertEchoes(subject, -1);
    await watch.until("NOT_SERVING");
    await watch.until("SERVING");
  });
  expect("calls before, during and after the end of the process get their answers", async () => {
    const watch = await subject.server.health.watch(model);
    await assertEchoes(subject, -2);
    let back = false;
    const whole = watch
      .until("NOT_SERVING")
      .then(() => watch.until("SERVING"))
      .then(() => {
        back = true;
      });
    let calls = 0;
    while (!back) await assertEchoes(subject, ++calls);
    await whole;
    assert.ok(calls > 0);
    await assertEchoes(subject, 9);
  });
}

contract({ exits_while_serving: exitsWhileServing, answers_then_exits: answersThenExits });
