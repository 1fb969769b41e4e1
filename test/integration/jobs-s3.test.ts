// Jobs whose files are objects of S3, in a server that checks every signature; over roads that break, and with objects that change.
import assert from "node:assert/strict";
import { readdirSync } from "node:fs";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import { gunzipSync, gzipSync } from "node:zlib";
import { discard, openTarget } from "../../src/data/endpoints.ts";
import { Places } from "../../src/data/places.ts";
import { runCli } from "../support/cli.ts";
import { processFolder, temporaryFolder } from "../support/folders.ts";
import { idiomError } from "../support/idiom-error.ts";
import { failureOf, Jobs } from "../support/jobs.ts";
import { ModelsFolder } from "../support/models.ts";
import { RoughRoad } from "../support/s3/rough-road.ts";
import { Store } from "../support/s3/store.ts";
import { type Server, startServer } from "../support/server.ts";
import { parquetOf, tableIn } from "../support/tables.ts";

const ROOTS = "s3://jobs/in/:s3://jobs/out:s3://missing:s3://others";
const LOOK_AGAIN_MS = 20;
const TEXT_BYTES = 1000;
/** More than two parts of an upload. */
const WIDE_ROWS = 18_000;
const TWO_PARTS_BYTES = 9 * 2 ** 20;
const STANDSTILL_BYTES = 4 * 2 ** 20;

/** A model that doubles its only input. */
function doubling(input: string, output: string): Readonly<Record<string, string>> {
  return {
    "model.js": `export default ({ ${input} }) => ({ ${output}: 2 * ${input} });\n`,
    "model.yaml": `runtime: node\nper: row\nbatching: {max_size: 4096}\ninputs: [{name: ${input}, datatype: FP64, shape: [-1]}]\noutputs: [{name: ${output}, datatype: FP64, shape: [-1]}]\n`,
  };
}

const models = new ModelsFolder().add("doubles", doubling("x", "y")).add("again", doubling("y", "z"));

function column(rows: number): string {
  return `x\n${Array.from({ length: rows }, (_, row) => row).join("\n")}\n`;
}

/** Rows of a text and its number, and what becomes of them. */
function wide(rows: number): { readonly input: string; readonly output: string } {
  const texts = Array.from({ length: rows }, (_, row) => String(row).padEnd(TEXT_BYTES, "-"));
  return {
    input: `text,x\n${texts.map((text, row) => `${text},${row}\n`).join("")}`,
    output: `text,y\n${texts.map((text, row) => `${text},${2 * row}\n`).join("")}`,
  };
}

let store: Store;
before(async () => {
  store = await Store.start();
});
after(() => store.stop());

describe("jobs on objects", { timeout: 120_000 }, () => {
  const state = processFolder();
  let road: RoughRoad;
  let server: Server;
  let jobs: Jobs;

  const start = async (): Promise<void> => {
    server = await startServer({ models: models.path, env: { IDIOM_STATE: state, ...store.environment(ROOTS, road.endpoint) } });
    jobs = new Jobs(server.address);
  };
  before(async () => {
    road = await RoughRoad.open(store.port);
    await start();
  });
  after(async () => {
    jobs.client.close();
    await server.stop();
    road.close();
  });

  const untilNoUploads = async (): Promise<void> => {
    while ((await store.uploads("jobs")) > 0) await delay(LOOK_AGAIN_MS);
  };

  test("are tables too, of which no copy is left", async () => {
    const x = Array.from({ length: 5000 }, (_, row) => row / 3);
    await store.put("jobs/in/a.parquet", parquetOf({ x: ["DOUBLE", x] }));
    const { id } = await jobs.submitPaths("doubles", "s3://jobs/in/a.parquet", "s3://jobs/out/a.arrow");
    const job = await jobs.end(id);
    assert.equal(job.state, "succeeded", job.reason);
    assert.deepEqual(tableIn((await store.get("jobs/out/a.arrow")) ?? Buffer.alloc(0)).values, { y: x.map((value) => 2 * value) });
    assert.ok(!readdirSync(join(state, "jobs", id)).some((name) => name.endsWith("-table")));
  });

  test("are read and written, packed as their names say, also with a name that an URL would bend and a content encoding", async () => {
    await store.put("jobs/in/a + b%25.csv.gz", gzipSync(column(3)), { "content-encoding": "gzip" });
    const { id } = await jobs.submitPaths("doubles", "s3://jobs/in/a + b%25.csv.gz", "s3://jobs/out/é+.jsonl.gz");
    const job = await jobs.end(id);
    assert.equal(job.state, "succeeded", job.reason);
    assert.equal(job.input.path, "s3://jobs/in/a + b%25.csv.gz");
    const written = await store.get("jobs/out/é+.jsonl.gz");
    assert.equal(gunzipSync(written ?? "").toString(), '{"y":0}\n{"y":2}\n{"y":4}\n');
    assert.deepEqual(await jobs.outputBytes(id), written);
  });

  test("may be tables that are read from their end", async () => {
    await store.put("jobs/in/table.csv", column(3));
    for (const format of ["parquet", "arrow"]) {
      const made = await jobs.submitPaths("doubles", "s3://jobs/in/table.csv", `s3://jobs/out/table.${format}`);
      assert.equal((await jobs.end(made.id)).state, "succeeded");
      await store.put(`jobs/in/table.${format}`, (await store.get(`jobs/out/table.${format}`)) ?? "");
      const { id } = await jobs.submitPaths("again", `s3://jobs/in/table.${format}`, "s3://jobs/out/table.csv");
      const job = await jobs.end(id);
      assert.equal(job.state, "succeeded", job.reason);
      assert.equal(await jobs.output(id), "z\n0\n4\n8\n");
    }
  });

  test("with nothing in them are datasets without rows", async () => {
    await store.put("jobs/in/empty.jsonl", "");
    const { id } = await jobs.submitPaths("doubles", "s3://jobs/in/empty.jsonl", "s3://jobs/out/empty.jsonl");
    const job = await jobs.end(id);
    assert.deepEqual([job.state, job.totalRows], ["succeeded", 0], job.reason);
    assert.equal((await store.get("jobs/out/empty.jsonl"))?.length, 0);
  });

  test("are named to the command line as they are, beside files of its own", async () => {
    await store.put("jobs/in/cli.csv", column(2));
    const out = `${processFolder()}/out.csv`;
    const { code, stderr } = await runCli(["job", "submit", "doubles", "--in", "s3://jobs/in/cli.csv", "--out", out, "--wait", "--server", server.address]);
    assert.equal(code, 0, stderr);
    const again = await runCli(["job", "submit", "doubles", "--in", out, "--in-format", "jsonl", "--out", "s3://jobs/out/cli.csv", "--server", server.address]);
    assert.equal(again.code, 0, again.stderr);
  });

  test("come whole over connections that break again and again, and large outputs go in parts", async () => {
    const { input, output } = wide(WIDE_ROWS);
    await store.put("jobs/in/wide.csv", input);
    road.breaksAfter = 3 * 2 ** 20;
    const { id } = await jobs.submitPaths("doubles", "s3://jobs/in/wide.csv", "s3://jobs/out/wide.csv", { keep: ["text"] });
    const job = await jobs.end(id);
    road.breaksAfter = Number.POSITIVE_INFINITY;
    assert.equal(job.state, "succeeded", job.reason);
    assert.ok(((await store.get("jobs/out/wide.csv")) ?? "").toString() === output, "the output is another");
    assert.match((await store.tag("jobs/out/wide.csv")) ?? "", /-3"$/);
    assert.equal(await store.uploads("jobs"), 0);
  });

  test("that change between two connections fail the job: no output is of two inputs", async () => {
    await store.put("jobs/in/changes.csv", wide(4000).input);
    road.breaksAfter = 2 ** 20;
    const broken = road.next("break");
    const { id } = await jobs.submitPaths("doubles", "s3://jobs/in/changes.csv", "s3://jobs/out/changes.csv");
    await broken;
    await store.put("jobs/in/changes.csv", wide(4001).input);
    road.breaksAfter = Number.POSITIVE_INFINITY;
    road.closed = false;
    const job = await jobs.end(id);
    assert.equal(job.state, "failed");
    assert.match(job.reason, /^s3:\/\/jobs\/in\/changes\.csv has changed since the job was submitted; submit the job again$/);
    assert.equal(await store.get("jobs/out/changes.csv"), null);
  });

  test("that are being written when their job is cancelled are not there, nor any part of them", async () => {
    await store.put("jobs/in/long.csv", wide(WIDE_ROWS).input);
    road.standsStillAfter = STANDSTILL_BYTES;
    const standing = road.next("standstill");
    const { id } = await jobs.submitPaths("doubles", "s3://jobs/in/long.csv", "s3://jobs/out/long.csv", { keep: ["text"] });
    await standing;
    road.standsStillAfter = Number.POSITIVE_INFINITY;
    assert.equal(await store.uploads("jobs"), 1);
    await jobs.client.change("Cancel", id);
    await untilNoUploads();
    assert.equal(await store.get("jobs/out/long.csv"), null);
    await jobs.client.change("Retry", id);
    assert.equal((await jobs.end(id)).state, "succeeded");
  });

  test("that are being written when the server is killed are written by its next life, which leaves no part behind", async () => {
    await store.put("jobs/in/killed.csv", wide(WIDE_ROWS).input);
    road.standsStillAfter = STANDSTILL_BYTES;
    const standing = road.next("standstill");
    const { id } = await jobs.submitPaths("doubles", "s3://jobs/in/killed.csv", "s3://jobs/out/killed.csv", { keep: ["text"] });
    await standing;
    road.standsStillAfter = Number.POSITIVE_INFINITY;
    server.process.kill("SIGKILL");
    jobs.client.close();
    await server.stop();
    await start();
    const job = await jobs.end(id);
    assert.equal(job.state, "succeeded", job.reason);
    assert.ok(((await store.get("jobs/out/killed.csv")) ?? "").toString() === wide(WIDE_ROWS).output, "the output is another");
    assert.equal(await store.uploads("jobs"), 0);
  });

  test("that cannot be read or written are refused at submission, with the reason", async () => {
    await store.put("jobs/secret.csv", column(1));
    await store.put("others/in.csv", column(1));
    const refusal = (input: string, output = "s3://jobs/out/none.csv"): Promise<string> => failureOf(jobs.submitPaths("doubles", input, output));
    assert.match(await refusal("s3://jobs/in/none.csv"), /there is no s3:\/\/jobs\/in\/none\.csv at http/);
    assert.match(await refusal("s3://missing/a.csv"), /there is no bucket 'missing'/);
    assert.match(await refusal("s3://others/in.csv"), /denies s3:GetObject of s3:\/\/others\/in\.csv; allow it/);
    await store.put("jobs/in/fine.csv", column(1));
    assert.match(await refusal("s3://jobs/in/fine.csv", "s3://others/out.csv"), /denies s3:PutObject of s3:\/\/others\/out\.csv; allow it/);
    for (const outside of ["s3://jobs/secret.csv", "s3://jobs/inside.csv", "s3://jobs/outside/a.csv", "s3://strange/in/a.csv"])
      assert.match(await refusal(outside), /is not a place that this server reads or writes for jobs: its roots there are/, outside);
    for (const bent of ["s3://jobs/in/../secret.csv", "s3://jobs/in/./a.csv"]) assert.match(await refusal(bent), /has a part '\.' or '\.\.'/, bent);
    assert.match(
      await failureOf(jobs.submitPaths("doubles", "s3://jobs/in/", "s3://jobs/out/none.csv", { input: { path: "s3://jobs/in/", format: "csv" } })),
      /names no object/,
    );
    assert.match(await refusal("S3://jobs/in/a.csv"), /no absolute path/);
  });

  test("cost no secret: neither the log nor a job tells it", async () => {
    const { id } = await jobs.submitPaths("doubles", "s3://jobs/in/fine.csv", "s3://jobs/out/fine.csv");
    const job = await jobs.end(id);
    assert.equal(job.state, "succeeded", job.reason);
    for (const told of [server.log.text, JSON.stringify(job)]) assert.ok(!told.includes(store.user.secretAccessKey) && !told.includes(store.user.accessKeyId));
  });
});

describe("a store", { timeout: 60_000 }, () => {
  const places = (change: Parameters<Store["settings"]>[0]): Places => new Places({ batchRoots: ["s3://jobs"], s3: store.settings(change) });
  before(() => store.put("jobs/there.csv", column(1)));

  test("takes the right keys", async () => {
    assert.equal((await places({}).readable("s3://jobs/there.csv")).tag, await store.tag("jobs/there.csv"));
    assert.equal(await places({}).writable("s3://jobs/new.csv"), "s3://jobs/new.csv");
    assert.deepEqual([await store.get("jobs/new.csv"), await store.uploads("jobs")], [null, 0]);
  });

  test("refuses a wrong secret, an unknown key and a strange token, and says which", async () => {
    for (const [change, words] of [
      [
        { secretAccessKey: `${store.user.secretAccessKey.slice(0, -1)}!` },
        /the secret access key is not that of the access key; look at IDIOM_S3_SECRET_ACCESS_KEY/,
      ],
      [{ accessKeyId: "AKIAUNKNOWN" }, /does not know the access key; look at IDIOM_S3_ACCESS_KEY_ID/],
      [{ sessionToken: "stolen" }, /refuses the session token/],
    ] as const) {
      for (const ask of [() => places(change).readable("s3://jobs/there.csv"), () => places(change).writable("s3://jobs/new.csv")]) {
        await assert.rejects(ask, idiomError("STORAGE_REFUSED", words));
      }
    }
  });

  test("keeps what a later holder of a job has begun when an earlier one gives up", async (t) => {
    const { s3 } = places({});
    const folder = temporaryFolder(t);
    const target = (fence: number) => ({ path: "s3://jobs/two.csv", job: "j", fence, folder });
    const bytes = Buffer.alloc(TWO_PARTS_BYTES, "x");
    const later = await openTarget(target(10), s3, bytes.length);
    await later.write(bytes);
    await discard(target(9), s3);
    await later.publish();
    assert.equal((await store.get("jobs/two.csv"))?.length, bytes.length);
    assert.equal(await store.uploads("jobs"), 0);
  });

  test("that is not there is said to be, with its address", async () => {
    const road = await RoughRoad.open(store.port);
    const { endpoint } = road;
    road.close();
    await assert.rejects(
      places({ endpoint }).readable("s3://jobs/there.csv"),
      idiomError("STORAGE_UNAVAILABLE", new RegExp(`^${endpoint} cannot be reached: .*ECONNREFUSED`)),
    );
  });
});
