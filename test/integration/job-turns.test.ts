// Whose turn it is among jobs, how many of a model run at a time, and what becomes of chunks that can never be run.
import assert from "node:assert/strict";
import { readdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { runCli } from "../support/cli.ts";
import { processFolder } from "../support/folders.ts";
import { type JobMessage, Jobs } from "../support/jobs.ts";
import { ModelsFolder } from "../support/models.ts";
import { type Server, startServer } from "../support/server.ts";

const YAML =
  "runtime: node\nper: row\nbatching: {max_size: 8}\ninputs: [{name: x, datatype: INT32, shape: [-1]}]\noutputs: [{name: y, datatype: INT32, shape: [-1]}]\n";
/** Takes 5 ms for a row. */
const SLOW = {
  "model.js": "export default async ({ x }) => {\n  await new Promise((resolve) => setTimeout(resolve, 5));\n  return { y: x };\n};\n",
  "model.yaml": YAML,
};
const ATTEMPTS = 4;

function column(rows: number): string {
  return `x\n${Array.from({ length: rows }, (_, row) => `${row}\n`).join("")}`;
}

describe("jobs of a model of which one runs at a time", { timeout: 90_000 }, () => {
  const state = processFolder();
  const config = join(processFolder(), "idiom.yaml");
  let server: Server;
  let jobs: Jobs;
  before(async () => {
    writeFileSync(config, "batch: {jobsPerModel: 1}\n");
    const models = new ModelsFolder().add("slow", SLOW).add("other", SLOW);
    server = await startServer({ models: models.path, env: { IDIOM_STATE: state, IDIOM_CONFIG: config } });
    jobs = new Jobs(server.address);
  });
  after(async () => {
    jobs.client.close();
    await server.stop();
  });
  const running = (job: JobMessage): boolean => job.state === "running" && job.doneRows > 0;

  test("wait for their turn, the urgent before those that came earlier; another model's do not wait", async () => {
    const first = await jobs.submit("slow", "in.csv", column(400));
    await jobs.until(first.id, running);
    const [low, normal, high] = [
      await jobs.submit("slow", "in.csv", column(8), { priority: 3 }),
      await jobs.submit("slow", "in.csv", column(8)),
      await jobs.submit("slow", "in.csv", column(8), { priority: 1 }),
    ];
    const other = await jobs.submit("other", "in.csv", column(8));
    assert.equal((await jobs.end(other.id)).state, "succeeded");
    const states = async (): Promise<string[]> => {
      const all = await jobs.client.list();
      return [first, low, normal, high].map(({ id }) => all.find((job) => job.id === id)?.state ?? "");
    };
    assert.deepEqual(await states(), ["running", "queued", "queued", "queued"]);
    await jobs.client.change("Cancel", first.id);
    const ends = await Promise.all([high, normal, low].map(({ id }) => jobs.end(id)));
    assert.deepEqual(
      ends.map(({ state }) => state),
      ["succeeded", "succeeded", "succeeded"],
    );
    const times = ends.map(({ stateSinceMs }) => stateSinceMs);
    assert.deepEqual(
      times,
      times.toSorted((a, b) => a - b),
      "they did not end in the order of their priorities",
    );
  });

  test("fail when a chunk of them cannot be run on any attempt, and list its rows with the cause", async () => {
    const { id } = await jobs.submit("slow", "in.csv", column(400));
    await jobs.until(id, running);
    await jobs.client.change("Pause", id);
    const folder = join(state, "jobs", id);
    for (const name of readdirSync(folder).filter((file) => file.startsWith("rows-"))) rmSync(join(folder, name));
    await jobs.client.change("Resume", id);
    const job = await jobs.end(id);
    assert.equal(job.state, "failed");
    const [dead] = job.deadChunks;
    assert.deepEqual([dead?.attempts, dead?.rows !== undefined && dead.rows > 0], [ATTEMPTS, true]);
    assert.match(dead?.cause ?? "", /ENOENT/);
    assert.equal(job.reason, dead?.cause);
    const shown = await runCli(["job", "watch", id], { env: { IDIOM_SERVER: server.address } });
    assert.equal(shown.code, 1);
    assert.match(
      shown.stderr,
      new RegExp(`rows ${dead?.firstRow} to ${Number(dead?.firstRow) + Number(dead?.rows) - 1} were given up after ${ATTEMPTS} attempts: .*ENOENT`),
    );
  });
});
