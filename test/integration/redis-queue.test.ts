// The queue in Redis when much waits in it: who goes first, what shares a frame, and when there is no room left.
import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { status } from "@grpc/grpc-js";
import { FULL } from "../support/chaos.ts";
import { errorCode, failureOf } from "../support/client.ts";
import { type Gateway, type Role, startGateway, startWorker } from "../support/cluster.ts";
import { askHeld, type HeldAnswer, heldModel, holdSlot, waitingAt } from "../support/held-model.ts";
import { ModelsFolder } from "../support/models.ts";
import { RedisServer } from "../support/redis.ts";
import { startServer } from "../support/server.ts";
import { tensor } from "../support/tensors.ts";

const MANY = FULL ? 10_000 : 1000;
const ROOM = 50;
const MAX_BYTES = 4 * 2 ** 20;
/** Calls of equal size that fill them. */
const FITTING = 8;
const INT32_BYTES = 4;
const [HIGH, LOW] = [1, 3];
/** Frames from the moment a call has arrived to its own: the one that was next already, and its own. */
const FRAMES_OF_HIGH = 2;
/** Every sixteenth bundle is a low one where there are any; before it, the one that was next already. */
const FRAMES_OF_LOW = 18;

describe("the queue in Redis", { timeout: 90_000 }, () => {
  const redis = new RedisServer();
  const models = new ModelsFolder().add("alone", heldModel()).add("together", heldModel("batching: {max_size: 8}")).add("changing", heldModel());
  let gateways: [Gateway, Gateway];
  let worker: Role;

  before(async () => {
    const bounded = (name: string, queue: object): NodeJS.ProcessEnv => {
      const config = join(models.path, name);
      writeFileSync(config, JSON.stringify({ queue }));
      return { IDIOM_CONFIG: config };
    };
    await redis.start();
    const [roomy, narrow, only] = await Promise.all([
      startGateway(redis, bounded(".roomy.yaml", { maxRequests: 2 * MANY })),
      startGateway(redis, bounded(".narrow.yaml", { maxRequests: ROOM, maxBytes: MAX_BYTES })),
      startWorker(redis, models.path, "node", { IDIOM_RELOAD_INTERVAL: "100ms" }),
    ]);
    gateways = [roomy, narrow];
    worker = only;
    await Promise.all(gateways.flatMap((gateway) => ["alone", "together", "changing"].map((model) => gateway.says(model, "SERVING"))));
  });
  after(async () => {
    await Promise.all([...gateways, worker].map((role) => role.end("SIGKILL")));
    await redis.stop();
  });

  test(`an urgent call overtakes ${MANY} others, and a low one is not left behind`, async () => {
    const { client } = gateways[0];
    const held = await askHeld(client, "alone");
    const release = await holdSlot(client, "alone", worker);
    const normal = Array.from({ length: MANY }, () => askHeld(client, "alone"));
    await redis.queued("alone", MANY - 1);
    const [high, low] = [askHeld(client, "alone", { priority: HIGH }), askHeld(client, "alone", { priority: LOW })];
    await Promise.all([redis.queued("alone", 1, 0), redis.queued("alone", 1, 2)]);
    await release();
    const framesTo = ({ frame }: { readonly frame: number }): number => frame - (held.frame + 1);
    assert.ok(framesTo(await high) <= FRAMES_OF_HIGH, `${framesTo(await high)} frames`);
    assert.ok(framesTo(await low) <= FRAMES_OF_LOW, `${framesTo(await low)} frames`);
    const answers = await Promise.all([high, low, ...normal]);
    assert.equal(new Set(answers.map(({ frame }) => frame)).size, MANY + 2, "each call ran by itself, once");
  });

  test("one frame holds calls of several gateways", async () => {
    const release = await holdSlot(gateways[0].client, "together", worker);
    const calls = gateways.map(({ client }) => askHeld(client, "together"));
    await waitingAt(worker, "together", calls.length);
    await release();
    const answers = await Promise.all(calls);
    assert.deepEqual(
      answers.map(({ rows }) => rows),
      [2, 2],
    );
    assert.equal(answers[0]?.frame, answers[1]?.frame);
  });

  test("what waits for files that have changed is answered by what it was sent to", async () => {
    const [{ client }] = gateways;
    const release = await holdSlot(client, "changing", worker);
    const waiting = Array.from({ length: ROOM }, () => askHeld(client, "changing"));
    await redis.queued("changing", ROOM - 1);
    models.add("changing", heldModel("# changed"));
    await worker.log.first((line) => (line.includes("changed: ready") ? line : null));
    await release();
    const frames = (await Promise.all(waiting)).map(({ frame }) => frame);
    assert.deepEqual(
      frames,
      Array.from({ length: ROOM }, (_, i) => i + 2),
      "all by the process whose slot was held, in order",
    );
  });

  test("calls for which there is no room are refused at once, and none of the others is lost", async () => {
    const { client } = gateways[1];
    const release = await holdSlot(client, "alone", worker);
    const next = askHeld(client, "alone");
    await waitingAt(worker, "alone", 1);
    const waiting = Array.from({ length: ROOM }, () => askHeld(client, "alone"));
    await redis.queued("alone", ROOM);
    const refused = await Promise.all(Array.from({ length: 10 * ROOM }, () => failureOf(askHeld(client, "alone"))));
    for (const error of refused) {
      assert.deepEqual([status[error.code], errorCode(error)], ["UNAVAILABLE", "QUEUE_FULL"]);
      assert.match(String(error.metadata.get("grpc-retry-pushback-ms")[0]), /^\d+$/);
    }
    await redis.queued("alone", ROOM);
    await release();
    await Promise.all([next, ...waiting]);
  });

  test("what waits is bounded in bytes too, and Redis holds no more than that", async () => {
    const { client } = gateways[1];
    const usedBytes = async (): Promise<number> => Number(/^used_memory:(\d+)/m.exec(await redis.client.info("memory"))?.[1]);
    const ask = (): Promise<HeldAnswer> => askHeld(client, "alone", { rows: MAX_BYTES / FITTING / INT32_BYTES });
    const release = await holdSlot(client, "alone", worker);
    const next = askHeld(client, "alone");
    await waitingAt(worker, "alone", 1);
    const before = await usedBytes();
    const waiting = Array.from({ length: FITTING }, ask);
    await redis.queued("alone", FITTING);
    const refused = await Promise.all(Array.from({ length: 5 * FITTING }, () => failureOf(ask())));
    assert.deepEqual(new Set(refused.map(errorCode)), new Set(["QUEUE_FULL"]));
    const heldBytes = (await usedBytes()) - before;
    assert.ok(heldBytes < 2 * MAX_BYTES, `Redis holds ${heldBytes} bytes`);
    await release();
    await Promise.all([next, ...waiting]);
  });
});

test("what waits in Redis when the only node stops is answered before it goes", { timeout: 60_000 }, async (t) => {
  const redis = new RedisServer();
  await redis.start();
  t.after(() => redis.stop());
  const server = await startServer({ models: new ModelsFolder().addFixture("slow", "node", "slow").path, env: { IDIOM_REDIS_URL: redis.url } });
  t.after(() => server.stop());
  await redis.joined(1, 1);
  const calls = Array.from({ length: 20 }, () => server.client.infer("slow", [tensor("x", "INT32", [100])]));
  const answers = Promise.all(calls);
  await redis.queued("slow", 15);
  server.process.kill("SIGTERM");
  await answers;
});
