// Jobs whose time is over, in a ledger that several gateways share, some of which are gone.
import assert from "node:assert/strict";
import { existsSync, mkdirSync } from "node:fs";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { pino } from "pino";
import type { JobSpec, JobStore } from "../../src/core/job.ts";
import { Ledger } from "../../src/lanes/batch/ledger.ts";
import { sweep } from "../../src/lanes/batch/sweep.ts";
import { keys } from "../../src/redis/keys.ts";
import { processFolder } from "../support/folders.ts";
import { RedisServer } from "../support/redis.ts";

const HERE: JobStore = { id: "here", place: "a:/jobs" };
const GONE: JobStore = { id: "gone", place: "b:/jobs" };
const WEEK_MS = 7 * 24 * 3_600_000;

function specOf(id: string, store: JobStore): JobSpec {
  return {
    id,
    owner: "",
    idempotencyKey: "",
    model: { name: "m", version: "1", digest: "", environment: "" },
    store,
    input: { path: null, format: "csv", compression: "none", tag: null },
    output: { path: null, format: "csv", compression: "none" },
    keep: [],
    maxFailedRows: null,
    priority: 1,
    ttlMs: 0,
    submittedAt: Date.now(),
  };
}

describe("ended jobs", { timeout: 30_000 }, () => {
  const redis = new RedisServer();
  const folder = processFolder();
  const ledger = new Ledger(redis.client, HERE);
  const parts = { ledger, data: { discard: async () => {} }, folder: (id: string) => join(folder, id), log: pino({ level: "silent" }) };
  before(() => redis.start());
  after(() => redis.stop());

  const ended = async (id: string, store: JobStore): Promise<void> => {
    await ledger.submit(specOf(id, store), true);
    await ledger.change(id, { type: "cancel" });
    mkdirSync(join(folder, id));
  };
  const left = async (): Promise<string[]> => (await ledger.list()).map(({ spec }) => spec.id).sort();

  test("are removed where their files lie; of a gateway that is gone, by anybody a week later, with no file of the same name", async () => {
    await ended("here", HERE);
    await ended("elsewhere", GONE);
    await ended("old", GONE);
    // As it was before jobs named the place of their files.
    const { store: _, ...old } = specOf("old", GONE);
    await redis.client.hset(keys.batchJob("old"), "spec", JSON.stringify(old));
    assert.deepEqual(await left(), ["elsewhere", "here", "old"]);
    await sweep(parts, Date.now());
    assert.deepEqual(await left(), ["elsewhere", "old"]);
    assert.ok(!existsSync(join(folder, "here")));
    await sweep(parts, Date.now() + WEEK_MS);
    assert.deepEqual(await left(), []);
    assert.deepEqual([...(await redis.keys()).keys()], []);
    assert.ok(existsSync(join(folder, "elsewhere")) && existsSync(join(folder, "old")));
  });
});
