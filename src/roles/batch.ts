// Joins the batch lane to what this process has: its models, its realtime lane, and the data threads.
import { realpathSync } from "node:fs";
import { join } from "node:path";
import type { Logger } from "pino";
import type { Config } from "../config/config.ts";
import type { JobStore } from "../core/job.ts";
import { Places } from "../data/places.ts";
import { DataThreads } from "../data/threads.ts";
import { BatchLane } from "../lanes/batch/batch-lane.ts";
import type { FoundVersion } from "../lanes/batch/data.ts";
import { openStore } from "../lanes/batch/job-store.ts";
import type { RealtimeLane } from "../lanes/realtime/lane.ts";
import type { RedisServer } from "../redis/connection.ts";
import type { Registry } from "../registry/registry.ts";

export interface BatchParts {
  readonly registry: Registry;
  readonly lane: RealtimeLane;
  readonly log: Logger;
}

export interface Batch {
  readonly jobs: BatchLane;
  /** Leaves the jobs, and the chunks that run, to others or to the next start. */
  stop(): Promise<void>;
}

export interface JobFiles {
  readonly places: Places;
  readonly store: JobStore;
}

/** What jobs need of this machine, looked at before anything is started. @throws IdiomError CONFIG_INVALID */
export function openJobFiles(config: Config): JobFiles {
  return { places: new Places(config), store: openStore(folderOf(config)) };
}

function folderOf({ state }: Config): string {
  return join(state, "jobs");
}

/** `durable`: the Redis that keeps what is known of jobs. */
export function openBatch(config: Config, durable: RedisServer, { places, store }: JobFiles, { registry, lane, log }: BatchParts): Batch {
  const data = new DataThreads(places.s3);
  const { jobsPerModel, ttlMs } = config.batch;
  const jobs = new BatchLane(
    { server: durable, folder: realpathSync(folderOf(config)), store, jobsPerModel, ttlMs },
    {
      data,
      find: (name, version) => findVersion(registry, name, version),
      submit: (invocation) => lane.submit(invocation),
      places,
      log,
    },
  );
  return {
    jobs,
    async stop() {
      await jobs.stop();
      await data.stop();
    },
  };
}

function findVersion(registry: Registry, name: string, wanted: string): FoundVersion {
  const { version, versionNumber, status } = registry.find(name, wanted);
  if (version !== null && status.state === "ready")
    return { ok: true, serving: { version, signature: status.signature, slots: status.slots, environments: status.environments } };
  const why = status.state === "ready" || status.state === "loading" ? "it is loading" : status.reason;
  return { ok: false, why: `model '${name}' version '${versionNumber}' is not at ready state: ${why}` };
}
