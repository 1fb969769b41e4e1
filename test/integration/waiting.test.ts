// Requests that wait for a slot: in which order they run, how long they wait, and when there is no room left.
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import { status } from "@grpc/grpc-js";
import { type Call, errorCode, failureOf, type InferResponse, inferRequest } from "../support/client.ts";
import { configEnvironment, THROUGH_REDIS } from "../support/lane.ts";
import { ModelsFolder } from "../support/models.ts";
import { type Server, startServer } from "../support/server.ts";
import { tensor } from "../support/tensors.ts";

const MODEL = "slow";
const MAX_WAITING = 3;
/** Calls that a node takes out of Redis while its slot is held. */
const AHEAD = THROUGH_REDIS ? 1 : 0;
const LOOK_AGAIN_MS = 20;
/** How long the call that holds the only slot would take; it is cancelled before. */
const LONG_MS = 25_000;

describe("waiting requests", () => {
  let server: Server;
  before(async () => {
    const models = new ModelsFolder().addFixture("slow", "node", MODEL);
    server = await startServer({ models: models.path, env: configEnvironment({ queue: { maxRequests: MAX_WAITING } }) });
  });
  after(() => server.stop());

  const send = (ms: number, parameters: Readonly<Record<string, object>> = {}, deadlineMs = LONG_MS): Call<InferResponse> =>
    server.client.start("ModelInfer", inferRequest(MODEL, [tensor("x", "INT32", [ms])], "raw", { parameters }), { deadline: Date.now() + deadlineMs });

  /** Takes the only slot and returns what frees it again. Calls that are sent meanwhile wait, in Redis behind one that its node has taken. */
  const holdSlot = async (): Promise<() => Promise<void>> => {
    const holding = send(LONG_MS);
    const ended = failureOf(holding.answer);
    await arrived();
    const ahead = Array.from({ length: AHEAD }, () => send(1).answer);
    while ((await server.metric("idiom_queue_length", { model: MODEL })) < AHEAD) await delay(LOOK_AGAIN_MS);
    return async () => {
      holding.cancel();
      assert.equal((await ended).code, status.CANCELLED);
      await Promise.all(ahead);
    };
  };

  /** Resolves once the server has taken over what was sent before: calls of one connection arrive in order. */
  const arrived = async (): Promise<void> => {
    await server.client.call("ServerLive", {});
  };

  test("what does not fit in the queue is UNAVAILABLE at once and says when to try again", async () => {
    const release = await holdSlot();
    const waiting = Array.from({ length: MAX_WAITING }, () => send(1).answer);
    await arrived();
    const error = await failureOf(send(1).answer);
    assert.deepEqual([status[error.code], errorCode(error)], ["UNAVAILABLE", "QUEUE_FULL"]);
    assert.match(
      error.details,
      THROUGH_REDIS ? /^the queue of model 'slow' version '1' is full;/ : /^the queue of model 'slow' version '1' is full \(3 requests, 12 bytes\)/,
    );
    assert.match(String(error.metadata.get("grpc-retry-pushback-ms")[0]), /^\d+$/);
    await release();
    await Promise.all(waiting);
  });

  test("the number of calls that wait on the node is a metric", async () => {
    const release = await holdSlot();
    const waiting = [send(1).answer, send(1).answer];
    await arrived();
    assert.equal(await server.metric("idiom_queue_length", { model: MODEL }), THROUGH_REDIS ? AHEAD : 2);
    await release();
    await Promise.all(waiting);
    assert.equal(await server.metric("idiom_queue_length", { model: MODEL }), 0);
  });

  test("urgent requests overtake, low ones wait", async () => {
    const release = await holdSlot();
    const order: string[] = [];
    const requests = Object.entries({ low: 3, normal: 2, high: 1 }).map(async ([name, priority]) => {
      await send(1, { priority: { uint64_param: priority } }).answer;
      order.push(name);
    });
    await arrived();
    await release();
    await Promise.all(requests);
    assert.deepEqual(order, ["high", "normal", "low"]);
  });

  test("requests of one priority run in the order of their arrival", async () => {
    const release = await holdSlot();
    const order: number[] = [];
    const requests = [1, 2, 3].map(async (i) => {
      await send(i).answer;
      order.push(i);
    });
    await arrived();
    await release();
    await Promise.all(requests);
    assert.deepEqual(order, [1, 2, 3]);
  });

  test("a request whose deadline passes while it waits never runs", async () => {
    const release = await holdSlot();
    const before = await server.metric("idiom_merged_requests_sum", { model: MODEL });
    assert.equal((await failureOf(send(1, {}, 150).answer)).code, status.DEADLINE_EXCEEDED);
    await release();
    await send(1).answer;
    assert.equal(await server.metric("idiom_merged_requests_sum", { model: MODEL }), before + AHEAD + 1);
  });

  test("a request whose own `timeout` passes while it waits is answered then, and never runs", async () => {
    const release = await holdSlot();
    const before = await server.metric("idiom_merged_requests_sum", { model: MODEL });
    const error = await failureOf(send(1, { timeout: { int64_param: 150_000 } }).answer);
    assert.deepEqual([status[error.code], errorCode(error)], ["DEADLINE_EXCEEDED", "DEADLINE_EXCEEDED"]);
    assert.match(error.details, /^no answer within the request's timeout of 150 ms/);
    await release();
    await send(1).answer;
    assert.equal(await server.metric("idiom_merged_requests_sum", { model: MODEL }), before + AHEAD + 1);
  });
});
