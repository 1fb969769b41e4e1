// The ledger: all that is known of jobs and their chunks, in the durable Redis. Whoever writes proves with a number that he still may:
// the lease of whoever steers a job, the attempt of whoever runs a chunk. What comes late changes nothing.
import type { Column } from "../../core/column.ts";
import { IdiomError } from "../../core/errors.ts";
import {
  type Chunk,
  type ChunkResult,
  type DeadChunk,
  hasEnded,
  type Job,
  type JobEvent,
  type JobSpec,
  type JobState,
  type JobStore,
  transition,
} from "../../core/job.ts";
import type { RedisConnection } from "../../redis/connection.ts";
import { keys } from "../../redis/keys.ts";
import type { BlockPlace } from "./data.ts";
import { defineBatchScripts, runScript } from "./scripts.ts";

/** An upload that does not come within this time gives the job up. */
const UPLOAD_WITHIN_MS = 24 * 3_600_000;
/** Steps of a priority in the order of jobs: more than any time since 1970. */
const PRIORITY_STEP = 1e14;

/** Of jobs that were submitted before they named theirs. */
const UNKNOWN_STORE: JobStore = { id: "", place: "an unknown place" };

/** Proves that this process steers a job. */
export interface JobLease {
  readonly id: string;
  readonly fence: number;
}

/** A job with what only its steering needs. */
export interface JobRecord extends Job {
  readonly revision: string;
  /** Of the output, before the model's own; null: unknown until the input has been read, or rows have names of their own. */
  readonly keptColumns: readonly Column[] | null;
  readonly chunks: number;
  readonly committed: number;
  /** Rows that belong to a chunk. */
  readonly plannedRows: number;
  readonly failedByModel: number;
  /** Counts the retries. */
  readonly round: number;
}

/** A chunk's index and what it came to. */
export type CommittedChunk = readonly [number, ChunkResult];

export class Ledger {
  readonly #redis: RedisConnection;
  readonly #store: JobStore;

  /** `store`: where files lie here. */
  constructor(redis: RedisConnection, store: JobStore) {
    this.#redis = redis;
    this.#store = store;
    defineBatchScripts(redis);
  }

  /** Returns the id of the job that has this owner's idempotency key: this one, or an earlier one. */
  async submit(spec: JobSpec, inputReady: boolean): Promise<string> {
    const { id, owner, idempotencyKey, submittedAt, model } = spec;
    const state: JobState = { name: "queued", since: submittedAt };
    const known = idempotencyKey === "" ? keys.batchJob(id) : keys.batchIdempotency(owner, idempotencyKey);
    const fields = {
      spec: JSON.stringify(spec),
      model: `${model.name}/${model.version}`,
      store: spec.store.id,
      state: JSON.stringify(state),
      stateName: state.name,
      revision: 0,
      inputReady: inputReady ? "1" : "",
      totalRows: "",
      ...Object.fromEntries(
        ["readRows", "doneRows", "failedRows", "failedByModel", "chunks", "committed", "plannedRows", "rate", "round"].map((name) => [name, 0]),
      ),
    };
    const expires = inputReady ? "" : submittedAt + UPLOAD_WITHIN_MS;
    const places = [keys.batchJob(id), keys.batchJobs, keys.batchActive, keys.batchExpiring, known];
    return (await runScript(this.#redis, "batchSubmit", ...places, id, submittedAt, urgencyOf(spec), expires, ...Object.entries(fields).flat())) as string;
  }

  /** Null when there is no such job. */
  async find(id: string): Promise<JobRecord | null> {
    const [fields, dead] = await Promise.all([this.#redis.hgetall(keys.batchJob(id)), this.#redis.hvals(keys.batchDead(id))]);
    return fields["spec"] === undefined ? null : toRecord(fields, dead, this.#store);
  }

  /** @throws IdiomError JOB_NOT_FOUND */
  async get(id: string): Promise<JobRecord> {
    const found = await this.find(id);
    if (found === null) throw new IdiomError("JOB_NOT_FOUND", `there is no job '${id}'`);
    return found;
  }

  /** The newest first. */
  async list(): Promise<JobRecord[]> {
    const ids = await this.#redis.zrevrange(keys.batchJobs, 0, -1);
    return (await Promise.all(ids.map((id) => this.find(id)))).filter((job) => job !== null);
  }

  /** @throws IdiomError JOB_NOT_FOUND, JOB_STATE */
  async change(id: string, event: JobEvent): Promise<JobRecord> {
    while (true) {
      const job = await this.get(id);
      const now = Date.now();
      const next = transition(job.state, event, now);
      if (next === job.state) return job;
      if (event.type === "retry" && !(await this.reopen(job, await this.#failedByModel(id)))) continue;
      const ended = hasEnded(next);
      const places = [keys.batchJob(id), keys.batchActive, keys.batchExpiring, keys.batchChanged];
      const urgency = ended ? "" : urgencyOf(job.spec);
      const changed = await runScript(
        this.#redis,
        "batchChange",
        ...places,
        id,
        job.revision,
        JSON.stringify(next),
        next.name,
        urgency,
        ended ? now + job.spec.ttlMs : "",
      );
      if (changed === 1) return { ...job, state: next };
    }
  }

  /** Chunks that are committed run again; the others stay as they are. False: the job has changed since. */
  async reopen({ spec: { id }, revision }: JobRecord, committed: readonly CommittedChunk[]): Promise<boolean> {
    const chunks = await this.chunks(id);
    const args = committed.flatMap(([index, { failedRows, failedByModel }]) => [index, (chunks.get(index) as Chunk).rows, failedRows, failedByModel]);
    const places = [keys.batchJob(id), keys.batchResults(id), keys.batchAttempts(id), keys.batchDead(id)];
    return (await runScript(this.#redis, "batchReopen", ...places, revision, ...args)) === 1;
  }

  async #failedByModel(id: string): Promise<CommittedChunk[]> {
    return [...(await this.results(id))].filter(([, result]) => result.failedByModel > 0);
  }

  async inputReady(id: string): Promise<void> {
    await runScript(this.#redis, "batchInputReady", keys.batchJob(id), keys.batchExpiring, keys.batchChanged, id);
  }

  /** The most urgent job of this store that nobody steers, leased for so long; null when there is none, or each one's model has enough to do. */
  async take(leaseMs: number, jobsPerModel: number): Promise<JobLease | null> {
    const taken = (await runScript(this.#redis, "batchTake", keys.batchActive, keys.batchFence, keys.batch, leaseMs, jobsPerModel, this.#store.id)) as
      | [string, number]
      | null;
    return taken === null ? null : { id: taken[0], fence: taken[1] };
  }

  /** Whether the lease is still held. */
  async renew({ id, fence }: JobLease, leaseMs: number): Promise<boolean> {
    return (await runScript(this.#redis, "batchRenew", keys.batchLease(id), fence, leaseMs)) === 1;
  }

  async release({ id, fence }: JobLease): Promise<void> {
    await runScript(this.#redis, "batchRelease", keys.batchLease(id), fence);
  }

  /** False: the lease is lost. So of the three below. */
  addBlock(lease: JobLease, place: BlockPlace, keptColumns: readonly Column[] | null): Promise<boolean> {
    const fields = { readRows: place.firstRow + place.rows, keptColumns: JSON.stringify(keptColumns) };
    return this.#record(lease, keys.batchBlocks(lease.id), JSON.stringify(place), "", fields);
  }

  readToEnd(lease: JobLease, totalRows: number, keptColumns: readonly Column[] | null): Promise<boolean> {
    return this.#record(lease, keys.batchBlocks(lease.id), "", "", { totalRows, keptColumns: JSON.stringify(keptColumns) });
  }

  plan(lease: JobLease, chunk: Chunk): Promise<boolean> {
    const fields = { chunks: chunk.index + 1, plannedRows: chunk.firstRow + chunk.rows };
    return this.#record(lease, keys.batchChunks(lease.id), JSON.stringify(chunk), String(chunk.index), fields);
  }

  rate(lease: JobLease, rowsPerSecond: number): Promise<boolean> {
    return this.#record(lease, keys.batchBlocks(lease.id), "", "", { rate: rowsPerSecond });
  }

  async #record(lease: JobLease, place: string, item: string, index: string, fields: Readonly<Record<string, string | number>>): Promise<boolean> {
    const places = [keys.batchLease(lease.id), keys.batchJob(lease.id), place];
    return (await runScript(this.#redis, "batchRecord", ...places, lease.fence, item, index, ...Object.entries(fields).flat())) === 1;
  }

  /** The blocks from the `from`-th on. */
  async blocks(id: string, from: number): Promise<BlockPlace[]> {
    return (await this.#redis.lrange(keys.batchBlocks(id), from, -1)).map((json) => JSON.parse(json) as BlockPlace);
  }

  async chunks(id: string): Promise<Map<number, Chunk>> {
    return byIndex(await this.#redis.hgetall(keys.batchChunks(id)));
  }

  async chunk(id: string, index: number): Promise<Chunk | null> {
    const json = await this.#redis.hget(keys.batchChunks(id), String(index));
    return json === null ? null : (JSON.parse(json) as Chunk);
  }

  async results(id: string): Promise<Map<number, ChunkResult>> {
    return byIndex(await this.#redis.hgetall(keys.batchResults(id)));
  }

  /** The number of a new attempt at a chunk; null when it is committed, or the job does not run. Older attempts cannot commit any more. */
  async start(id: string, index: number): Promise<number | null> {
    const attempt = (await runScript(this.#redis, "batchStart", keys.batchJob(id), keys.batchAttempts(id), keys.batchResults(id), index)) as number;
    return attempt === 0 ? null : attempt;
  }

  /** False: another attempt has begun, it is committed, or the job has ended. */
  async commit(id: string, chunk: Chunk, result: ChunkResult): Promise<boolean> {
    const places = [keys.batchJob(id), keys.batchAttempts(id), keys.batchResults(id), keys.batchChanged];
    const { attempt, failedRows, failedByModel } = result;
    return (
      (await runScript(this.#redis, "batchCommit", ...places, id, chunk.index, attempt, JSON.stringify(result), chunk.rows, failedRows, failedByModel)) === 1
    );
  }

  async bury(id: string, dead: DeadChunk): Promise<void> {
    await this.#redis.hset(keys.batchDead(id), String(dead.index), JSON.stringify(dead));
  }

  /** Jobs whose time was over at `at`, ms since 1970. */
  expired(at: number): Promise<string[]> {
    return this.#redis.zrangebyscore(keys.batchExpiring, 0, at);
  }

  async remove({ spec }: JobRecord): Promise<void> {
    const { id, owner, idempotencyKey } = spec;
    const hashes = [keys.batchBlocks(id), keys.batchChunks(id), keys.batchAttempts(id), keys.batchResults(id), keys.batchDead(id), keys.batchLease(id)];
    const idempotency = idempotencyKey === "" ? [] : [keys.batchIdempotency(owner, idempotencyKey)];
    await Promise.all([keys.batchJobs, keys.batchActive, keys.batchExpiring].map((set) => this.#redis.zrem(set, id)));
    await this.#redis.del(keys.batchJob(id), ...hashes, ...idempotency);
  }

  /** Forgets where its rows lie: their files are gone. */
  async forgetRows(id: string): Promise<void> {
    await this.#redis.del(keys.batchBlocks(id));
  }
}

function urgencyOf({ priority, submittedAt }: JobSpec): number {
  return priority * PRIORITY_STEP + submittedAt;
}

function toRecord(fields: Readonly<Record<string, string>>, dead: readonly string[], here: JobStore): JobRecord {
  const spec = { store: UNKNOWN_STORE, ...(JSON.parse(fields["spec"] as string) as Omit<JobSpec, "store"> & Partial<JobSpec>) };
  const number = (name: string): number => Number(fields[name]);
  const totalRows = fields["totalRows"] === "" ? null : number("totalRows");
  return {
    spec,
    elsewhere: spec.store.id === here.id ? "" : spec.store.place,
    state: JSON.parse(fields["state"] as string) as JobState,
    inputReady: fields["inputReady"] === "1",
    progress: {
      totalRows,
      readRows: number("readRows"),
      doneRows: number("doneRows"),
      failedRows: number("failedRows"),
      rowsPerSecond: fields["stateName"] === "running" ? number("rate") : 0,
    },
    dead: dead.map((json) => JSON.parse(json) as DeadChunk).sort((a, b) => a.index - b.index),
    revision: fields["revision"] as string,
    keptColumns: fields["keptColumns"] === undefined ? null : (JSON.parse(fields["keptColumns"]) as Column[] | null),
    chunks: number("chunks"),
    committed: number("committed"),
    plannedRows: number("plannedRows"),
    failedByModel: number("failedByModel"),
    round: number("round"),
  };
}

function byIndex<Item>(hash: Readonly<Record<string, string>>): Map<number, Item> {
  return new Map(Object.entries(hash).map(([index, json]) => [Number(index), JSON.parse(json) as Item]));
}
