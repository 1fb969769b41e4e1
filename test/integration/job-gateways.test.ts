// Jobs that more than one process could run: two gateways on one Redis, with one folder of files and with one each, and two processes of one `idiom up`.
import assert from "node:assert/strict";
import { after, before, describe, type TestContext, test } from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import { type Gateway, type Role, startGateway, startWorker } from "../support/cluster.ts";
import { processFolder } from "../support/folders.ts";
import { failureOf, Jobs } from "../support/jobs.ts";
import { ModelsFolder } from "../support/models.ts";
import { RedisServer } from "../support/redis.ts";
import { startServer } from "../support/server.ts";

const ROWS = 300;
const INPUT = inputOf(ROWS);
const OUTPUT = outputOf(INPUT);
/** It still runs when a job of `ROWS` rows that was submitted beside it has ended. */
const LONG = inputOf(5 * ROWS);
const LOOK_AGAIN_MS = 20;

function inputOf(rows: number): string {
  return `x\n${Array.from({ length: rows }, (_, row) => `${row}\n`).join("")}`;
}

/** What the model makes of it. */
function outputOf(input: string): string {
  return input.replace("x", "y");
}

/** Takes 5 ms for a row. */
const models = new ModelsFolder().add("slow", {
  "model.js": "export default async ({ x }) => {\n  await new Promise((resolve) => setTimeout(resolve, 5));\n  return { y: x };\n};\n",
  "model.yaml":
    "runtime: node\nper: row\nbatching: {max_size: 8}\ninputs: [{name: x, datatype: INT32, shape: [-1]}]\noutputs: [{name: y, datatype: INT32, shape: [-1]}]\n",
}).path;

describe("two gateways on one Redis", { timeout: 90_000 }, () => {
  const redis = new RedisServer(true);
  let worker: Role;
  before(async () => {
    await redis.start();
    worker = await startWorker(redis, models, "node");
  });
  after(async () => {
    await worker.end("SIGKILL");
    await redis.stop();
  });

  const open = async (t: TestContext, state: string): Promise<{ readonly gateway: Gateway; readonly jobs: Jobs }> => {
    const gateway = await startGateway(redis, { IDIOM_STATE: state });
    const jobs = new Jobs(gateway.address);
    t.after(async () => {
      jobs.client.close();
      await gateway.end("SIGKILL");
    });
    await gateway.says("slow", "SERVING");
    return { gateway, jobs };
  };

  test("that share the folder of files take up each other's jobs", async (t) => {
    const state = processFolder();
    const [one, two] = await Promise.all([open(t, state), open(t, state)]);
    const { id } = await one.jobs.announce("slow", "in.csv");
    await two.jobs.upload(id, INPUT);
    await two.jobs.until(id, ({ doneRows }) => doneRows > 0);
    await one.gateway.end("SIGKILL");
    const job = await two.jobs.end(id);
    assert.deepEqual([job.state, job.doneRows], ["succeeded", ROWS], job.reason);
    assert.equal(await two.jobs.output(id), OUTPUT);
  });

  test("that have a folder each run their own, and say where the files of others lie", async (t) => {
    const states = [processFolder(), processFolder()] as const;
    const [one, two] = await Promise.all([open(t, states[0]), open(t, states[1])]);
    const [first, second] = await Promise.all([one.jobs.submit("slow", "in.csv", LONG), two.jobs.submit("slow", "in.csv", INPUT)]);
    await Promise.all([one.jobs.until(first.id, ({ doneRows }) => doneRows > 0), two.jobs.end(second.id)]);
    assert.equal(await two.jobs.output(second.id), OUTPUT);
    await one.gateway.end("SIGKILL");
    const seen = await two.jobs.client.get(first.id);
    assert.match(seen.reason, new RegExp(`^it runs where its files lie: .*:${states[0]}/jobs$`));
    const words = /the files of the job lie at .*, which this server does not have; ask a server that has it, or give all of them one IDIOM_STATE/;
    assert.match(await failureOf(two.jobs.errors(first.id)), words);
    const again = await open(t, states[0]);
    assert.equal((await again.jobs.end(first.id)).state, "succeeded");
    assert.equal(await again.jobs.output(first.id), outputOf(LONG));
    assert.match(await failureOf(two.jobs.output(first.id)), words);
    const awaiting = await two.jobs.announce("slow", "in.csv");
    assert.match(await failureOf(again.jobs.upload(awaiting.id, INPUT)), words);
  });
});

test("two processes of one server share its jobs, also when one of them is killed", { timeout: 60_000 }, async (t) => {
  const server = await startServer({ models, flags: ["--processes", "2"] });
  t.after(() => server.stop());
  // Each connection has its turn at one of them.
  const clients = Array.from({ length: 2 }, () => new Jobs(server.address));
  t.after(() => {
    for (const { client } of clients) client.close();
  });
  const jobs = await Promise.all(clients.map((client) => client.submit("slow", "in.csv", INPUT)));
  const [first] = clients as [Jobs];
  await first.until(jobs[0]?.id as string, ({ doneRows }) => doneRows > 0);
  const pids = async (): Promise<number[]> => {
    const { processes } = (await (await fetch(`${server.http}/healthz`)).json()) as { processes: { pid: number }[] };
    return processes.map(({ pid }) => pid);
  };
  const [, killed] = (await pids()) as [number, number];
  process.kill(killed, "SIGKILL");
  // Some connections were to it, and a new one may be until that is noticed.
  while ((await pids()).includes(killed)) await delay(LOOK_AGAIN_MS);
  const fresh = new Jobs(server.address);
  t.after(() => fresh.client.close());
  for (const { id } of jobs) {
    const job = await fresh.end(id);
    assert.equal(job.state, "succeeded", job.reason);
    assert.equal(await fresh.output(id), OUTPUT);
  }
});
