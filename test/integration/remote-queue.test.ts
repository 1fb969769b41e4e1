// The gateway's half of the Redis lane by itself, in front of a real Redis: what it sends.
import assert from "node:assert/strict";
import { type TestContext, test } from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import { pino } from "pino";
import type { Outcome } from "../../src/core/invocation.ts";
import { RemoteQueue } from "../../src/lanes/realtime/remote-queue.ts";
import { decodeBundle, encodeReplies } from "../../src/lanes/realtime/wire.ts";
import { RedisClock } from "../../src/redis/clock.ts";
import { connect, serverAt } from "../../src/redis/connection.ts";
import { keys } from "../../src/redis/keys.ts";
import { defineScripts } from "../../src/redis/scripts.ts";
import { invocation } from "../support/invocations.ts";
import { RedisServer } from "../support/redis.ts";
import { batching, modelVersion } from "../support/specs.ts";

const LOOK_AGAIN_MS = 10;
const ANSWERED_WITHIN_MS = 10_000;

async function startQueue(t: TestContext): Promise<{ redis: RedisServer; queue: RemoteQueue }> {
  const redis = new RedisServer();
  await redis.start();
  const [commands, blocking] = [connect(serverAt(redis.url), "commands"), connect(serverAt(redis.url), "blocking")];
  await new Promise((resolve) => commands.once("ready", resolve));
  defineScripts(commands);
  const options = { gateway: "g", maxQueuedRequests: 100, maxQueuedBytes: 2 ** 20 };
  const queue = new RemoteQueue(commands, blocking, new RedisClock(), options, pino({ enabled: false }));
  t.after(async () => {
    queue.stop();
    for (const connection of [commands, blocking]) connection.disconnect();
    await redis.stop();
  });
  return { redis, queue };
}

test("calls of one turn share a bundle, but not with calls for other files of the same version", async (t) => {
  const { redis, queue } = await startQueue(t);
  const before = modelVersion(batching(8));
  const after = { ...before, digest: "1".repeat(64) };
  for (const version of [before, before, after]) queue.submit(invocation({ version }), assert.fail);
  await redis.queued("m", 2);
  const sent = async (version: typeof before): Promise<unknown> => {
    const [bytes] = await redis.client.lrangeBuffer(keys.queue(version, 1), 0, -1);
    const { digest, requests } = decodeBundle(bytes as Buffer);
    return { digest, requests: requests.length };
  };
  assert.deepEqual(await sent(before), { digest: before.digest, requests: 2 });
  assert.deepEqual(await sent(after), { digest: after.digest, requests: 1 });
});

test("a gateway waits for replies while a call is out, and then no more", async (t) => {
  const { redis, queue } = await startQueue(t);
  const becomesBlocked = async (clients: number): Promise<void> => {
    while (!(await redis.client.info("clients")).includes(`blocked_clients:${clients}\r`)) await delay(LOOK_AGAIN_MS);
  };
  await becomesBlocked(0);
  for (let sequence = 1; sequence <= 2; sequence++) {
    const outcomes: Outcome[] = [];
    queue.submit(invocation({}, outcomes), assert.fail);
    await becomesBlocked(1);
    const reply = { kind: "result", sequence, attempt: 1, queueMs: 0, computeMs: 0, outputs: [] } as const;
    await redis.client.rpush(keys.replies("g"), encodeReplies([reply]));
    await queue.whenAnswered(ANSWERED_WITHIN_MS);
    await becomesBlocked(0);
    assert.deepEqual(outcomes, [{ ok: true, outputs: [], timings: { queueMs: 0, computeMs: 0 } }]);
  }
});
