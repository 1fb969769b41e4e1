// Gateways and one-language workers as processes of their own that meet in a real Redis: what they answer, and what becomes of calls
// while workers stop, die, and Redis forgets or restarts.
import assert from "node:assert/strict";
import { cpSync } from "node:fs";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { status } from "@grpc/grpc-js";
import { PACKAGE_ROOT } from "../../src/package-root.ts";
import { errorCode, failureOf } from "../support/client.ts";
import { type Gateway, type Role, startGateway, startWorker, Traffic } from "../support/cluster.ts";
import { startInProcess } from "../support/in-process.ts";
import { fixtureModels, ModelsFolder } from "../support/models.ts";
import { RedisServer } from "../support/redis.ts";
import { assertSameTensor, tensor } from "../support/tensors.ts";

const CALLERS = 8;
/** Of a call whose worker died: the rest of its lease of 2 s, a look of the gateway, and the second run. */
const MOVED_WITHIN_MS = 4000;
/** Longer than any call may take here: what lasts so long hangs. */
const HANGS_MS = 10_000;
/** Answers after a disturbance, so many that what comes of it late is seen as well. */
const AFTERWARDS = 500;
const EXPIRES_MS = 60_000;

describe("gateways and workers", { timeout: 60_000 }, () => {
  const redis = new RedisServer();
  const models = fixtureModels(["named", "keeps_state"], ["python", "node"]).path;
  let gateways: [Gateway, Gateway];
  let python: Role;
  let node: Role;

  before(async () => {
    await redis.start();
    const started = await Promise.all([startGateway(redis), startGateway(redis), startWorker(redis, models, "python"), startWorker(redis, models, "node")]);
    gateways = [started[0], started[1]];
    [, , python, node] = started;
    await Promise.all(gateways.flatMap((gateway) => ["named-python", "named-node", "keeps_state-node"].map((model) => gateway.says(model, "SERVING"))));
  });
  after(async () => {
    await Promise.all([...gateways, python, node].map((role) => role.end("SIGKILL")));
    await redis.stop();
  });

  /** Numbers that no other call has, through one gateway after the other. */
  const ask = async (model: string, i: number): Promise<void> => {
    const { client } = gateways[i % 2] as Gateway;
    const inputs = [tensor("a", "INT32", [i, 2 * i], [1, 2]), tensor("b", "INT32", [i, -i], [1, 2])];
    const answer = await client.infer(model, inputs, { deadline: Date.now() + HANGS_MS });
    assertSameTensor(answer["sum"], tensor("sum", "INT32", [2 * i, i], [1, 2]));
    assertSameTensor(answer["difference"], tensor("difference", "INT32", [0, 3 * i], [1, 2]));
  };

  const askOnce = async (i: number): Promise<void> => {
    const answer = await (gateways[i % 2] as Gateway).client.infer("keeps_state-node", [tensor("x", "INT32", [0])], { deadline: Date.now() + HANGS_MS });
    assert.ok((answer["count"]?.data.readBigInt64LE() ?? 0n) > 0n);
  };

  test("both gateways answer calls to both languages", async () => {
    await Promise.all(Array.from({ length: 40 }, (_, i) => ask(i % 4 < 2 ? "named-python" : "named-node", i)));
  });

  test("a model that is nowhere is not found", async () => {
    const error = await failureOf(ask("nowhere", 0));
    assert.deepEqual([status[error.code], errorCode(error)], ["NOT_FOUND", "MODEL_NOT_FOUND"]);
  });

  test("a model whose last worker has stopped says so, and is back with the next worker", async () => {
    assert.equal(await python.end("SIGTERM"), 0, python.log.text);
    await Promise.all(gateways.map((gateway) => gateway.says("named-python", "NOT_SERVING")));
    const error = await failureOf(ask("named-python", 0));
    assert.deepEqual([status[error.code], errorCode(error)], ["UNAVAILABLE", "MODEL_NOT_READY"]);
    assert.match(
      error.details,
      /^model 'named-python' version '1' is not at ready state: (?:node '\S+' is drain(?:ing|ed)$|no worker serves it: none runs python)/,
    );
    await ask("named-node", 0);
    python = await startWorker(redis, models, "python");
    await Promise.all(gateways.map((gateway) => gateway.says("named-python", "SERVING")));
    await ask("named-python", 0);
  });

  test("a worker that stops under traffic fails no call while another one serves", async () => {
    const second = await startWorker(redis, models, "node");
    const [repeatable, once] = [new Traffic(CALLERS, (i) => ask("named-node", i)), new Traffic(CALLERS, askOnce)];
    await Promise.all([repeatable.moreAnswers(100), once.moreAnswers(100)]);
    assert.equal(await node.end("SIGTERM"), 0, node.log.text);
    node = second;
    await Promise.all([repeatable.moreAnswers(100), once.moreAnswers(100)]);
    await Promise.all([repeatable.stop(), once.stop()]);
    assert.deepEqual([...repeatable.failures, ...once.failures].map(String), []);
  });

  test("a worker that is killed under traffic costs nobody an answer", async () => {
    const second = await startWorker(redis, models, "node");
    const traffic = new Traffic(2 * CALLERS, (i) => ask("named-node", i));
    await traffic.moreAnswers(100);
    await node.end("SIGKILL");
    node = second;
    await traffic.moreAnswers(100);
    await traffic.stop();
    assert.deepEqual(traffic.failures.map(String), []);
    assert.ok(traffic.slowestMs < MOVED_WITHIN_MS, `a call took ${Math.round(traffic.slowestMs)} ms`);
  });

  describe("each call has a right answer or one error, and everything recovers by itself", () => {
    /** Traffic to both languages while `disturb` runs; afterwards everything must be as before. */
    const survives = async (disturb: () => Promise<unknown>): Promise<void> => {
      const traffics = ["named-python", "named-node"].map((model) => new Traffic(CALLERS, (i) => ask(model, i)));
      await Promise.all(traffics.map((traffic) => traffic.moreAnswers(50)));
      await disturb();
      await redis.joined(2, 2);
      await Promise.all(traffics.map((traffic) => traffic.moreAnswers(AFTERWARDS)));
      await Promise.all(traffics.map((traffic) => traffic.stop()));
      for (const failure of traffics.flatMap((traffic) => traffic.failures)) {
        assert.equal(status[failure.code], "UNAVAILABLE", String(failure));
        assert.ok(["MODEL_NOT_READY", "INSTANCE_DIED", "QUEUE_FULL"].includes(errorCode(failure) ?? ""), String(failure));
      }
      await Promise.all(gateways.flatMap((gateway) => ["named-python", "named-node"].map((model) => gateway.says(model, "SERVING"))));
      await Promise.all(Array.from({ length: 20 }, (_, i) => ask(i % 4 < 2 ? "named-python" : "named-node", i)));
    };

    test("when Redis forgets everything", () => survives(() => redis.client.flushall()));

    test("when Redis restarts", () =>
      survives(async () => {
        await redis.kill();
        await redis.start();
      }));
  });

  test("what is left in Redis after all have stopped expires within a minute", async () => {
    const codes = await Promise.all([python, node, ...gateways].map((role) => role.end("SIGTERM")));
    assert.deepEqual(codes, [0, 0, 0, 0]);
    const ofCalls = [...(await redis.keys())].filter(([name]) => !name.startsWith("{idiom:batch}"));
    for (const [name, ms] of ofCalls) assert.ok(ms >= 0 && ms <= EXPIRES_MS, `${name} has ${ms} ms left`);
  });
});

describe("`up` that takes everything through Redis", { timeout: 60_000 }, () => {
  const redis = new RedisServer();
  const models = new ModelsFolder();
  for (const name of ["diabetes", "breast-cancer"]) cpSync(join(PACKAGE_ROOT, "examples", "models", name), join(models.path, name), { recursive: true });
  const lanes = { realtime: { direct: false } };

  before(() => redis.start());
  after(() => redis.stop());

  test("answers the golden rows of its models", async () => {
    const running = await startInProcess(models.path, { redisUrl: redis.url, lanes });
    try {
      await running.up.settled();
      const reports = (await running.up.summary()).map(({ name, golden }) => [name, golden.result]);
      assert.deepEqual(reports, [
        ["breast-cancer", "passed"],
        ["diabetes", "passed"],
      ]);
      assert.match(await redis.client.info("commandstats"), /cmdstat_evalsha/, "the calls went through Redis");
    } finally {
      await running.stop();
    }
  });
});
