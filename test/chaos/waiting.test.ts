// What waits in Redis while those who would take it die, lose their connection or stand still: it is neither lost nor given up.
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { status } from "@grpc/grpc-js";
import { errorCode, failureOf } from "../support/client.ts";
import { type Gateway, type Role, startGateway, startWorker, Traffic } from "../support/cluster.ts";
import { askHeld, heldModel, holdSlot, waitingAt } from "../support/held-model.ts";
import { ModelsFolder } from "../support/models.ts";
import { RedisServer } from "../support/redis.ts";

const CALLERS = 8;

describe("calls that wait in Redis", { timeout: 60_000 }, () => {
  const redis = new RedisServer();
  const models = new ModelsFolder().addFixture("named", "python", "bystander").add("repeatable", heldModel()).add("once", heldModel("idempotent: false"));
  let gateway: Gateway;
  let worker: Role;

  before(async () => {
    await redis.start();
    [gateway, worker] = await Promise.all([startGateway(redis), startWorker(redis, models.path, "node")]);
    await Promise.all(["repeatable", "once"].map((model) => gateway.says(model, "SERVING")));
  });
  after(async () => {
    await Promise.all([gateway, worker].map((role) => role.end("SIGKILL")));
    await redis.stop();
  });

  /** Holds the slot, and fills the room in front of it with a call. What is asked from then on waits in Redis. */
  const hold = async (model: string): Promise<() => Promise<void>> => {
    const release = await holdSlot(gateway.client, model, worker);
    const next = askHeld(gateway.client, model);
    await waitingAt(worker, model, 1);
    return async () => {
      await release();
      await next;
    };
  };

  test("are answered by another taker when the first one vanishes before it has claimed them", async () => {
    const release = await hold("repeatable");
    const answers = [askHeld(gateway.client, "repeatable"), askHeld(gateway.client, "repeatable")];
    await redis.queued("repeatable", 2);
    await redis.takeBundle("repeatable");
    await redis.queued("repeatable", 2);
    await release();
    await Promise.all(answers);
  });

  test("have one error when their taker vanishes and they must not run twice; those behind them wait on", async () => {
    const release = await hold("once");
    const first = failureOf(askHeld(gateway.client, "once"));
    await redis.queued("once", 1);
    const second = askHeld(gateway.client, "once");
    await redis.queued("once", 2);
    await redis.takeBundle("once");
    const error = await first;
    assert.deepEqual([status[error.code], errorCode(error)], ["UNAVAILABLE", "INSTANCE_DIED"]);
    assert.match(error.details, /has no answer: it was taken from the queue and never claimed/);
    await release();
    await second;
  });

  test("stay where they are while other nodes die, whether they may run again or not", async () => {
    const releases = [await hold("repeatable"), await hold("once")];
    const answers = [askHeld(gateway.client, "repeatable"), askHeld(gateway.client, "once")];
    await Promise.all(["repeatable", "once"].map((model) => redis.queued(model, 1)));
    for (let death = 0; death < 2; death++) {
      const other = await startWorker(redis, models.path, "python");
      await gateway.says("bystander", "SERVING");
      await other.end("SIGKILL");
      await gateway.says("bystander", "NOT_SERVING");
    }
    await Promise.all(["repeatable", "once"].map((model) => redis.queued(model, 1)));
    await Promise.all(releases.map((release) => release()));
    await Promise.all(answers);
  });

  test("are answered although their gateway stood still for longer than its lease, also those that must not run twice", async () => {
    const release = await hold("once");
    const call = askHeld(gateway.client, "once");
    await redis.queued("once", 1);
    process.kill(gateway.pid, "SIGSTOP");
    await redis.joined(0, 1);
    process.kill(gateway.pid, "SIGCONT");
    await redis.joined(1, 1);
    await release();
    await call;
  });

  test("are not answered twice by a worker that stood still for longer than its lease, and it is a member again", async () => {
    const second = await startWorker(redis, models.path, "node");
    const answeredBefore = await gateway.metric("idiom_requests_total", { model: "repeatable" });
    const traffic = new Traffic(CALLERS, async () => void (await askHeld(gateway.client, "repeatable")));
    await traffic.moreAnswers(50);
    process.kill(worker.pid, "SIGSTOP");
    await redis.joined(1, 1);
    await traffic.moreAnswers(50);
    process.kill(worker.pid, "SIGCONT");
    await redis.joined(1, 2);
    await traffic.moreAnswers(50);
    assert.equal(await second.end("SIGTERM"), 0, second.log.text);
    await traffic.moreAnswers(50);
    await traffic.stop();
    assert.deepEqual(traffic.failures.map(String), []);
    assert.equal(await gateway.metric("idiom_requests_total", { model: "repeatable" }), answeredBefore + traffic.answered);
  });
});
