// A job keeps to the environment that it was submitted for: over the nodes that there are, and over an upgrade.
import assert from "node:assert/strict";
import { join } from "node:path";
import { test } from "node:test";
import { runCli } from "../support/cli.ts";
import { startGateway, startWorker } from "../support/cluster.ts";
import { temporaryFolder, writeFiles } from "../support/folders.ts";
import { Jobs } from "../support/jobs.ts";
import { ModelsFolder } from "../support/models.ts";
import { RedisServer } from "../support/redis.ts";
import { startServer } from "../support/server.ts";

const ROWS = 300;

/** Answers each row, after a while, with the number of the package `edition`. */
const models = new ModelsFolder().add("edition", {
  "model.js":
    'import edition from "edition";\nexport default async ({ x }) => {\n  await new Promise((resolve) => setTimeout(resolve, 5));\n  return { y: edition };\n};\n',
  "model.yaml":
    "runtime: node\nper: row\nbatching: {max_size: 4}\ninputs: [{name: x, datatype: INT32, shape: [-1]}]\noutputs: [{name: y, datatype: INT32, shape: [-1]}]\n",
});
const INPUT = `x\n${Array.from({ length: ROWS }, (_, row) => `${row}\n`).join("")}`;

/** Puts this edition of the package into the environment of a data folder. */
function install(data: string, edition: number): void {
  writeFiles(join(data, "environments", "node", "node_modules"), {
    "edition/package.json": '{"name": "edition", "type": "module", "main": "index.js"}',
    "edition/index.js": `export default ${edition};\n`,
    ".package-lock.json": JSON.stringify({ edition }),
  });
}

test("nodes with other packages leave its rows to those that have its own", { timeout: 60_000 }, async (t) => {
  const redis = new RedisServer(true);
  t.after(() => redis.stop());
  await redis.start();
  const workers = [1, 2].map(async (edition) => {
    const data = temporaryFolder(t);
    install(data, edition);
    const worker = await startWorker(redis, models.path, "node", { IDIOM_DATA: data });
    t.after(() => worker.end("SIGKILL"));
  });
  await Promise.all(workers);
  const gateway = await startGateway(redis, { IDIOM_STATE: temporaryFolder(t) });
  t.after(() => gateway.end("SIGTERM"));
  await gateway.says("edition", "SERVING");
  const jobs = new Jobs(gateway.address);
  t.after(() => jobs.client.close());
  const { id } = await jobs.submit("edition", "in.csv", INPUT);
  const job = await jobs.end(id);
  assert.deepEqual([job.state, job.failedRows], ["succeeded", 0], job.reason);
  const answers = new Set((await jobs.output(id)).trimEnd().split("\n").slice(1));
  assert.equal(answers.size, 1, `answers of the editions ${[...answers]}`);
  const { stdout } = await runCli(["describe", "model", "edition", "-o", "json"], { env: { IDIOM_SERVER: gateway.address } });
  const [{ nodes }] = JSON.parse(stdout) as [{ nodes: { environment: string }[] }];
  assert.equal(new Set(nodes.map(({ environment }) => environment)).size, 2);
  assert.ok(nodes.some(({ environment }) => environment === job.environment));
});

test("an upgrade ends it with the reason, and what is submitted then has the new one", { timeout: 60_000 }, async (t) => {
  const [data, state] = [temporaryFolder(t), temporaryFolder(t)];
  const start = async () => {
    const server = await startServer({ models: models.path, env: { IDIOM_DATA: data, IDIOM_STATE: state } });
    const jobs = new Jobs(server.address);
    return {
      jobs,
      stop: async () => {
        jobs.client.close();
        await server.stop();
      },
    };
  };
  install(data, 1);
  const before = await start();
  const { id, environment } = await before.jobs.submit("edition", "in.csv", INPUT);
  assert.match(environment, /^[0-9a-f]{64}$/);
  await before.jobs.until(id, ({ doneRows }) => doneRows > 0);
  await before.stop();
  install(data, 2);
  const after = await start();
  t.after(after.stop);
  const job = await after.jobs.end(id);
  assert.equal(job.state, "failed");
  assert.match(job.reason, new RegExp(`runs in another environment than when the job was submitted \\(${environment.slice(0, 12)}, now [0-9a-f]{12}\\)`));
  assert.match(await after.jobs.score("edition", "in.csv", "x\n1\n"), /^y\n2\n$/);
});
