// A model that cannot be loaded says why and hinders no other.
import assert from "node:assert/strict";
import { status } from "@grpc/grpc-js";
import { errorCode, failureOf } from "../support/client.ts";
import { contract, type Subject } from "../support/contract.ts";
import { sourceLine } from "../support/fixture-source.ts";
import { fixtureName } from "../support/models.ts";
import { assertSameTensor, tensor } from "../support/tensors.ts";

const X = tensor("x", "INT32", [1]);

function failsToLoad(subject: Subject): void {
  const { model, language, expect } = subject;

  expect("a call is UNAVAILABLE, with the reason and the author's line", async () => {
    const error = await failureOf(subject.server.client.infer(model, [X]));
    assert.deepEqual([error.code, errorCode(error)], [status.UNAVAILABLE, "MODEL_NOT_READY"]);
    assert.match(error.details, /^model '.*' version '1' is not at ready state: .*cannot find the weights/);
    const line = sourceLine("fails_to_load", language, /cannot find the weights/);
    assert.ok(error.details.includes(line), `${line} is not in:\n${error.details}`);
  });
  expect("it is not ready", async () => {
    assert.deepEqual(await subject.server.client.call("ModelReady", { name: model }), { ready: false });
    assert.equal(await subject.server.health.check(model), "NOT_SERVING");
  });
  expect("the index tells the reason", async () => {
    const { models } = await subject.server.client.call<{ models: { name: string; state: string; reason: string }[] }>("RepositoryIndex", {});
    const entry = models.find(({ name }) => name === model);
    assert.equal(entry?.state, "UNAVAILABLE");
    assert.match(entry.reason, /cannot find the weights/);
  });
  expect("others serve on", async () => {
    const { y } = await subject.server.client.infer(fixtureName("answers_then_exits", language), [X]);
    assertSameTensor(y, { ...X, name: "y" });
    assert.equal(await subject.server.health.check(""), "SERVING");
  });
}

contract({ fails_to_load: failsToLoad, answers_then_exits: () => {} });
