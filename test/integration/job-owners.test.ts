// Whose jobs are whose, at a door with API keys; and which paths are nobody's.
import assert from "node:assert/strict";
import { mkdirSync, readFileSync, realpathSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import type { JobClient } from "../../src/cli/job-client.ts";
import { processFolder } from "../support/folders.ts";
import { failureOf, Jobs } from "../support/jobs.ts";
import { KeyFile, type LockedServer, startLocked } from "../support/locked-server.ts";
import { ModelsFolder } from "../support/models.ts";

const models = new ModelsFolder().add("same", {
  "model.js": "export default ({ x }) => { if (x < 0) throw new Error(`below 0`); return { y: x }; };\n",
  "model.yaml": "runtime: node\nper: row\ninputs: [{name: x, datatype: INT32, shape: [-1]}]\noutputs: [{name: y, datatype: INT32, shape: [-1]}]\n",
});

describe("behind a locked door", { timeout: 60_000 }, () => {
  const outside = realpathSync(processFolder());
  const root = join(outside, "root");
  const file = new KeyFile(outside);
  const opened: Jobs[] = [];
  let server: LockedServer;
  let [owner, other, admin]: [Jobs?, Jobs?, Jobs?] = [];
  /** Of the owner; it has an output and an error. */
  let id: string;

  before(async () => {
    mkdirSync(root);
    writeFileSync(join(outside, "secret.csv"), "x\n1\n");
    const keys = [file.create("owner", "submit"), file.create("other", "submit"), file.create("operator", "admin")];
    server = await startLocked(models.path, { IDIOM_INSECURE: "true", IDIOM_API_KEYS: file.path, IDIOM_BATCH_ROOTS: root });
    opened.push(...keys.map((key) => new Jobs(server.grpc, key)));
    [owner, other, admin] = opened as [Jobs, Jobs, Jobs];
    ({ id } = await owner.submit("same", "in.csv", "x\n1\n-1\n", { idempotencyKey: "k" }));
    assert.equal((await owner.end(id)).state, "succeeded");
  });
  after(async () => {
    for (const jobs of opened) jobs.client.close();
    await server.stop();
  });

  const drain = async (stream: AsyncIterable<unknown>): Promise<void> => {
    for await (const _ of stream);
  };
  const ways: Readonly<Record<string, (client: JobClient, of: string) => Promise<unknown>>> = {
    GetJob: (client, of) => client.get(of),
    WatchJob: (client, of) => drain(client.watch(of)),
    ReadOutput: (client, of) => drain(client.output(of)),
    ReadErrors: (client, of) => drain(client.errors(of)),
    UploadInput: (client, of) => client.upload(of, file.path),
    CancelJob: (client, of) => client.change("Cancel", of),
    PauseJob: (client, of) => client.change("Pause", of),
    ResumeJob: (client, of) => client.change("Resume", of),
    RetryJob: (client, of) => client.change("Retry", of),
  };
  for (const [method, call] of Object.entries(ways)) {
    test(`another's job is not there for ${method}, in the words for one that never was`, async () => {
      const client = (other as Jobs).client;
      assert.equal(await failureOf(call(client, id)), `there is no job '${id}'`);
      assert.equal(await failureOf(call(client, "none")), "there is no job 'none'");
    });
  }

  test("a list holds one's own jobs alone; an administrator's all, and opens them", async () => {
    const mine = await (other as Jobs).submit("same", "in.csv", "x\n1\n", { idempotencyKey: "k" });
    assert.notEqual(mine.id, id, "the idempotency key of another is no key of ours");
    await (other as Jobs).end(mine.id);
    const idsOf = async (jobs?: Jobs): Promise<string[]> => ((await jobs?.client.list()) ?? []).map((job) => job.id).sort();
    assert.deepEqual(await idsOf(owner), [id]);
    assert.deepEqual(await idsOf(other), [mine.id]);
    assert.deepEqual(await idsOf(admin), [id, mine.id].sort());
    assert.equal(await admin?.output(id), "y\n1\n");
    assert.equal((await admin?.errors(id))?.length, 1);
    assert.equal((await admin?.client.change("Retry", id))?.state, "queued");
    await admin?.end(id);
  });

  test("no key reads or writes outside the roots, by a link neither", async () => {
    const jobs = owner as Jobs;
    symlinkSync(join(outside, "secret.csv"), join(root, "link.csv"));
    symlinkSync(outside, join(root, "up"));
    writeFileSync(join(root, "in.csv"), "x\n1\n");
    for (const path of [join(outside, "secret.csv"), join(root, "link.csv"), join(root, "up", "secret.csv")])
      assert.match(await failureOf(jobs.submitPaths("same", path, join(root, "out.csv"))), /not a path that this server reads or writes for jobs/, path);
    assert.match(await failureOf(jobs.submitPaths("same", join(root, "in.csv"), join(root, "up", "out.csv"))), /not a path that this server/);
    const { id: done } = await jobs.submitPaths("same", join(root, "in.csv"), join(root, "out.csv"));
    await jobs.end(done);
    assert.equal(readFileSync(join(root, "out.csv"), "utf8"), "y\n1\n");
  });
});
