// A call whose caller is gone is stopped in the model, softly: the slot is free again at once and the process lives on.
import assert from "node:assert/strict";
import { status } from "@grpc/grpc-js";
import { errorCode, failureOf, inferRequest } from "../support/client.ts";
import { contract, type Subject } from "../support/contract.ts";
import { framesDuring } from "../support/merging.ts";
import { assertSameTensor, type SentTensor, tensor } from "../support/tensors.ts";

/** As long as a call may take; nothing here waits for it. */
const LONG_MS = 25_000;
/** Far above what stopping takes, far below what the stopped call would have taken. */
const SOON_MS = 5000;
/** How long a caller waits before it goes. */
const PATIENCE_MS = 200;

function sleep(ms: number): SentTensor {
  return tensor("x", "INT32", [ms]);
}

function slow(subject: Subject): void {
  const { model, expect } = subject;
  const assertFreeSoon = async (): Promise<void> => {
    const { y } = await subject.server.client.infer(model, [sleep(1)], { deadline: Date.now() + SOON_MS });
    assertSameTensor(y, tensor("y", "INT32", [1]));
    assert.equal(await subject.server.metric("idiom_instance_transitions_total", { model, from: "ready" }), 0, "the process was not ended");
  };

  expect("a call takes as long as the model does, and answers", async () => {
    const startedAt = performance.now();
    const { y } = await subject.server.client.infer(model, [sleep(100)]);
    assertSameTensor(y, tensor("y", "INT32", [100]));
    assert.ok(performance.now() - startedAt >= 100);
  });
  expect("a call whose deadline passes is stopped in the model", async () => {
    const error = await failureOf(subject.server.client.infer(model, [sleep(LONG_MS)], { deadline: Date.now() + PATIENCE_MS }));
    assert.equal(error.code, status.DEADLINE_EXCEEDED);
    await assertFreeSoon();
  });
  expect("a call that its caller cancels is stopped in the model", async () => {
    const { frames } = await framesDuring(subject.server, model, async () => {
      const call = subject.server.client.start("ModelInfer", inferRequest(model, [sleep(LONG_MS)]));
      setTimeout(() => call.cancel(), PATIENCE_MS);
      assert.equal((await failureOf(call.answer)).code, status.CANCELLED);
    });
    assert.equal(frames, 1, "the call ran");
    await assertFreeSoon();
  });
  expect("a call whose own `timeout` passes is answered and stopped in the model", async () => {
    const request = inferRequest(model, [sleep(LONG_MS)], "raw", { parameters: { timeout: { int64_param: PATIENCE_MS * 1000 } } });
    const error = await failureOf(subject.server.client.modelInfer(request));
    assert.deepEqual([error.code, errorCode(error)], [status.DEADLINE_EXCEEDED, "DEADLINE_EXCEEDED"]);
    await assertFreeSoon();
  });
}

contract({ slow });
