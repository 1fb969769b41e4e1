// overload: ten times as many calls as a model can answer, through a gateway, Redis and a worker. What it answers then, over what it
// answers at its limit in the same run; how soon the others are refused; and what it costs in memory.
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import type { ServiceError } from "@grpc/grpc-js";
import { type Client, errorCode } from "../test/support/client.ts";
import { type Gateway, type Role, startGateway, startWorker } from "../test/support/cluster.ts";
import { ModelsFolder } from "../test/support/models.ts";
import { RedisServer } from "../test/support/redis.ts";
import { tensor } from "../test/support/tensors.ts";
import { type Measure, quantile } from "./support/report.ts";

const MODEL = "busy";
const FRAME_MS = 40;
const MAX_SIZE = 4;
/** Waiting calls, about half a second's work. */
const ROOM = 50;
const TIMES = 10;
/** As many as keep every frame full, and never find the queue full. */
const CALLERS = 8 * MAX_SIZE;
const TICK_MS = 5;
/** Each of the processes may take this much more than before, and Redis what waits. */
const MAX_GROWTH_MIB = 64;
const MIB = 2 ** 20;

const YAML = `inputs: [{name: x, datatype: INT32, shape: [-1]}]
outputs: [{name: y, datatype: INT32, shape: [-1]}]
batching: {max_size: ${MAX_SIZE}}
`;
const CODE = `import { setTimeout } from "node:timers/promises";

export default async ({ x }) => {
  await setTimeout(${FRAME_MS});
  return { y: x };
};
`;

export async function overload(quick: boolean): Promise<Measure[]> {
  const seconds = quick ? 3 : 10;
  const models = new ModelsFolder().add(MODEL, { "model.yaml": YAML, "model.mjs": CODE });
  const config = join(models.path, ".config.yaml");
  writeFileSync(config, `queue: {maxRequests: ${ROOM}}\n`);
  const redis = new RedisServer();
  await redis.start();
  const roles = await Promise.all([startGateway(redis, { IDIOM_CONFIG: config }), startWorker(redis, models.path, "node")]);
  const [gateway, worker] = roles;
  try {
    await gateway.says(MODEL, "SERVING");
    await capacity(gateway.client, 1);
    const atLimit = await capacity(gateway.client, seconds);
    // A longer flood first: heaps grow for some twenty seconds. That the second one adds nothing to them shows the bound.
    await flood(gateway.client, TIMES * atLimit, 2 * seconds);
    const before = await memory(gateway, worker, redis);
    const flooded = await flood(gateway.client, TIMES * atLimit, seconds);
    const after = await memory(gateway, worker, redis);
    const grown = after.map((mib, i) => mib - (before[i] as number));
    return [
      { what: "capacity", value: atLimit, unit: "1/s", target: null },
      { what: "offered / capacity", value: flooded.offered / atLimit, unit: "ratio", target: { atLeast: 0.9 * TIMES } },
      { what: "answered / capacity", value: flooded.answered / atLimit, unit: "ratio", target: { atLeast: 0.9 } },
      { what: "refused, p50", value: quantile(flooded.refusedMs, 0.5), unit: "ms", target: null },
      { what: "refused, p99", value: quantile(flooded.refusedMs, 0.99), unit: "ms", target: { atMost: 100 } },
      ...["gateway", "worker", "Redis"].map(
        (who, i): Measure => ({
          what: `${who}: memory more than after a first flood`,
          value: grown[i] as number,
          unit: "MiB",
          target: { atMost: MAX_GROWTH_MIB },
        }),
      ),
    ];
  } finally {
    await Promise.all(roles.map((role) => role.end("SIGKILL")));
    await redis.stop();
  }
}

function call(client: Client): Promise<unknown> {
  return client.infer(MODEL, [tensor("x", "INT32", [1])]);
}

/** Answers per second to callers that each wait for theirs. */
async function capacity(client: Client, seconds: number): Promise<number> {
  const until = performance.now() + 1000 * seconds;
  let answered = 0;
  const caller = async (): Promise<void> => {
    for (; performance.now() < until; answered++) await call(client);
  };
  await Promise.all(Array.from({ length: CALLERS }, caller));
  return answered / seconds;
}

interface Flood {
  /** Per second. */
  readonly offered: number;
  readonly answered: number;
  readonly refusedMs: readonly number[];
}

/** Calls at this rate, whatever becomes of them. @throws the first error that is no refusal with advice to try again */
async function flood(client: Client, rate: number, seconds: number): Promise<Flood> {
  const startedAt = performance.now();
  const refusedMs: number[] = [];
  const calls: Promise<void>[] = [];
  let answered = 0;
  const one = async (): Promise<void> => {
    const sentAt = performance.now();
    try {
      await call(client);
      if (performance.now() - startedAt < 1000 * seconds) answered++;
    } catch (error) {
      const refusal = error as ServiceError;
      if (errorCode(refusal) !== "QUEUE_FULL" || refusal.metadata.get("grpc-retry-pushback-ms").length !== 1) throw error;
      refusedMs.push(performance.now() - sentAt);
    }
  };
  for (let elapsedMs = 0; elapsedMs < 1000 * seconds; elapsedMs = performance.now() - startedAt) {
    while (calls.length < (rate * elapsedMs) / 1000) calls.push(one());
    await delay(TICK_MS);
  }
  const offered = calls.length / seconds;
  await Promise.all(calls);
  return { offered, answered: answered / seconds, refusedMs };
}

/** MiB of the gateway, of the worker's host and of Redis. */
async function memory(gateway: Gateway, worker: Role, redis: RedisServer): Promise<number[]> {
  const used = /^used_memory:(\d+)/m.exec(await redis.client.info("memory"))?.[1];
  const resident = await Promise.all([gateway, worker].map((role) => role.metric("process_resident_memory_bytes", {})));
  return [...resident, Number(used)].map((bytes) => bytes / MIB);
}
