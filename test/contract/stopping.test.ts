// A call whose caller is gone is stopped in the model, softly: the slot is free again at once and the process lives on.
import assert from "node:assert/strict";
import { status } from "@grpc/grpc-js";
import { errorCode, failureOf, inferRequest } from "../support/client.ts";
import { contract, type Subject } from "../support/contract.ts";
import { assertSameTensor, type SentTensor, tensor } from "../support/tensors.ts";

/** As long as a call may take; nothing here waits for it. */
const LONG_MS = 25_000;
/** Far above what stopping takes, far below what the stopped call would have taken. */
const SOON_MS = 5000;

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
    const error = await failureOf(subject.server.client.infer(model, [sleep(LONG_MS)], { deadline: Date.now() + 200 }));
    assert.equal(error.code, status.DEADLINE_EXCEEDED);
    await assertFreeSoon();
  });
  expect("a call that its caller cancels is stopped in the model", async () => {
    const before = await subject.server.metric("idiom_merged_requests_count", { model });
    const call = subject.server.client.start("ModelInfer", inferRequest(model, [sleep(LONG_MS)]));
    const failure = failureOf(call.answer);
    // The server has taken the call over once it has answered one that was sent behind it.
    await subject.server.client.call("ServerLive", {});
    assert.equal(await subject.server.metric("idiom_merged_requests_count", { model }), before + 1, "the call is running");
    call.cancel();
    assert.equal((await failure).code, status.CANCELLED);
    await assertFreeSoon();
  });
  expect("a call whose own `timeout` passes is answered and stopped in the model", async () => {
    const request = inferRequest(model, [sleep(LONG_MS)], "raw", { parameters: { timeout: { int64_param: 200_000 } } });
    const error = await failureOf(subject.server.client.modelInfer(request));
    assert.deepEqual([error.code, errorCode(error)], [status.DEADLINE_EXCEEDED, "DEADLINE_EXCEEDED"]);
    await assertFreeSoon();
  });
}

contract({ slow });
