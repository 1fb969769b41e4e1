// Jobs while everything that runs them is killed, one after the other and at random moments: the output is the undisturbed one, to the byte.
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import { AdminClient } from "../../src/cli/admin-client.ts";
import { rounds } from "../support/chaos.ts";
import { type Gateway, type Role, startGateway, startWorker } from "../support/cluster.ts";
import { processFolder } from "../support/folders.ts";
import { Jobs } from "../support/jobs.ts";
import { ModelsFolder } from "../support/models.ts";
import { RedisServer } from "../support/redis.ts";

/** How often each of them is killed; IDIOM_CHAOS_ROUNDS asks for more. */
const ROUNDS = rounds(1);
/** So many rows take longer than the kills do. */
const ROWS = 3000 + 3000 * ROUNDS;
const PAUSE_MS = 400;
const LOOK_AGAIN_MS = 50;

/** Takes 2 ms for a row; every hundredth fails. */
const MODEL = {
  "model.js": `export default async ({ x }) => {
  await new Promise((resolve) => setTimeout(resolve, 2));
  if (x % 100 === 99) throw new Error("not this one");
  return { y: x / 3 };
};
`,
  "model.yaml":
    "runtime: node\nper: row\nbatching: {max_size: 32}\ninputs: [{name: x, datatype: INT32, shape: [-1]}]\noutputs: [{name: y, datatype: FP64, shape: [-1]}]\n",
};

describe("a job", { timeout: 60_000 + 60_000 * ROUNDS }, () => {
  const redis = new RedisServer(true);
  const state = processFolder();
  const models = new ModelsFolder().add("thirds", MODEL).path;
  let gateway: Gateway;
  let worker: Role;
  let jobs: Jobs;

  const openGateway = async (): Promise<void> => {
    gateway = await startGateway(redis, { IDIOM_STATE: state });
    jobs = new Jobs(gateway.address);
  };
  before(async () => {
    await redis.start();
    [, worker] = await Promise.all([openGateway(), startWorker(redis, models, "node")]);
    await gateway.says("thirds", "SERVING");
  });
  after(async () => {
    jobs.client.close();
    await Promise.all([gateway, worker].map((role) => role.end("SIGKILL")));
    await redis.stop();
  });

  const KILLS: Readonly<Record<string, () => Promise<void>>> = {
    instance: async () => {
      const admin = new AdminClient(gateway.address);
      const [version] = await admin.describeModel("thirds", "");
      admin.close();
      const pid = version?.instances.find((instance) => instance.pid > 0)?.pid;
      if (pid !== undefined) process.kill(pid, "SIGKILL");
    },
    worker: async () => {
      await worker.end("SIGKILL");
      worker = await startWorker(redis, models, "node");
    },
    gateway: async () => {
      jobs.client.close();
      await gateway.end("SIGKILL");
      await openGateway();
    },
    redis: async () => {
      await redis.kill();
      await redis.start();
    },
  };

  /** Whoever asks while all of it comes and goes asks again. */
  const doneRows = async (id: string): Promise<number> => {
    while (true) {
      const job = await jobs.client.get(id).catch(() => null);
      if (job?.state === "failed") assert.fail(job.reason);
      if (job !== null) return job.doneRows;
      await delay(LOOK_AGAIN_MS);
    }
  };

  test("survives kills of the model's process, the worker, the gateway and Redis", async () => {
    const { id } = await jobs.submit("thirds", "in.csv", `x\n${Array.from({ length: ROWS }, (_, row) => row).join("\n")}\n`);
    for (let round = 0; round < ROUNDS; round++) {
      for (const [who, kill] of Object.entries(KILLS).sort(() => Math.random() - 0.5)) {
        const before = await doneRows(id);
        assert.ok(before < ROWS, `the job was over before ${who} was killed`);
        while ((await doneRows(id)) === before) await delay(LOOK_AGAIN_MS);
        await delay(Math.random() * PAUSE_MS);
        await kill();
      }
    }
    while ((await doneRows(id)) < ROWS) await delay(LOOK_AGAIN_MS);
    const job = await jobs.end(id);
    assert.deepEqual([job.state, job.failedRows, job.deadChunks], ["succeeded", ROWS / 100, []], job.reason);
    const rows = Array.from({ length: ROWS }, (_, row) => row).filter((row) => row % 100 !== 99);
    assert.equal(await jobs.output(id), `y\n${rows.map((row) => row / 3).join("\n")}\n`);
    assert.deepEqual(
      (await jobs.errors(id)).map(({ row }) => row),
      Array.from({ length: ROWS / 100 }, (_, i) => 100 * i + 100),
    );
  });
});
