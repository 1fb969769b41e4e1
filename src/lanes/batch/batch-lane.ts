// The batch lane of a process with front doors: accepts jobs, steers those that it has the lease of, and runs chunks of any job.
import { randomUUID } from "node:crypto";
import { createReadStream, createWriteStream } from "node:fs";
import { mkdir, rename, rm, stat } from "node:fs/promises";
import { join } from "node:path";
import { pipeline } from "node:stream/promises";
import { setTimeout as delay } from "node:timers/promises";
import type { Logger } from "pino";
import { IdiomError } from "../../core/errors.ts";
import type { Invocation } from "../../core/invocation.ts";
import { hasEnded, type Job, type JobCaller, type JobRequest, type JobSpec, type JobState, type JobStore, type JobsBackend } from "../../core/job.ts";
import { connect, type RedisConnection, type RedisServer } from "../../redis/connection.ts";
import { whyFailed } from "../../redis/health.ts";
import { keys } from "../../redis/keys.ts";
import { ChunkQueue } from "./chunk-queue.ts";
import { ChunkRunner } from "./chunk-runner.ts";
import { Coordinator, LEASE_MS, OUTPUT, UPLOAD } from "./coordinator.ts";
import type { FindVersion, JobData, JobPlaces } from "./data.ts";
import { JobWatchers } from "./job-watchers.ts";
import { type JobRecord, Ledger } from "./ledger.ts";
import { sweep } from "./sweep.ts";

export interface BatchLaneOptions {
  /** The durable Redis. */
  readonly server: RedisServer;
  /** Holds a folder per job. Gateways that have the same one take up each other's jobs. */
  readonly folder: string;
  /** What that folder is called. */
  readonly store: JobStore;
  readonly jobsPerModel: number;
  readonly ttlMs: number;
}

export interface BatchLaneParts {
  readonly data: JobData;
  readonly find: FindVersion;
  readonly submit: (invocation: Invocation) => void;
  readonly places: JobPlaces;
  readonly log: Logger;
}

/** Jobs that one process steers. */
const MAX_STEERED = 16;
/** A job whose process has died is taken up after its lease and this. */
const LOOK_MS = 1000;
const SWEEP_MS = 30_000;
const READ_BYTES = 2 ** 18;
/** A Redis that is away cannot be told what is left to others: leases and locks end by themselves. */
const LEAVE_MS = 1000;

export class BatchLane implements JobsBackend {
  readonly #options: BatchLaneOptions;
  readonly #parts: BatchLaneParts;
  /** Fails at once while Redis is away: a caller waits. */
  readonly #commands: RedisConnection;
  readonly #connections: RedisConnection[];
  /** Waits for a Redis that is away. */
  readonly #patient: Ledger;
  readonly #ledger: Ledger;
  readonly #queue: ChunkQueue;
  readonly #runner: ChunkRunner;
  readonly #store: JobStore;
  readonly #steered = new Map<string, Coordinator>();
  readonly #watchers = new JobWatchers();
  readonly #timers: NodeJS.Timeout[] = [];
  #taking = false;
  #stopped = false;

  constructor(options: BatchLaneOptions, parts: BatchLaneParts) {
    this.#options = options;
    this.#parts = parts;
    const { server } = options;
    this.#commands = connect(server, "commands");
    const patient = connect(server, "blocking");
    const worker = connect(server, "blocking");
    const subscriber = connect(server, "blocking");
    this.#connections = [this.#commands, patient, worker, subscriber];
    this.#store = options.store;
    this.#ledger = new Ledger(this.#commands, this.#store);
    this.#patient = new Ledger(patient, this.#store);
    const folder = (id: string): string => this.#folder(id);
    this.#runner = new ChunkRunner({ ledger: this.#patient, folder, ...parts });
    this.#queue = new ChunkQueue(
      this.#store.id,
      patient,
      worker,
      {
        run: (id, index) => this.#runner.run(id, index),
        gaveUp: async (id, index, attempts, cause) => {
          const chunk = await this.#patient.chunk(id, index);
          if (chunk !== null) await this.#patient.bury(id, { ...chunk, attempts, cause });
          this.#steered.get(id)?.jobChanged();
        },
      },
      parts.log,
    );
    subscriber.subscribe(keys.batchChanged).catch(() => {});
    subscriber.on("message", (_channel: string, message: string) => this.#jobChanged(message));
  }

  start(): void {
    this.#queue.start();
    this.#timers.push(
      setInterval(() => void this.#take(), LOOK_MS),
      setInterval(() => void sweep({ ledger: this.#ledger, folder: (id) => this.#folder(id), ...this.#parts }, Date.now()), SWEEP_MS),
    );
    void this.#take();
  }

  /** Leaves what it steers and what it runs to others. */
  async stop(): Promise<void> {
    this.#stopped = true;
    for (const timer of this.#timers) clearInterval(timer);
    const steered = [...this.#steered.values()];
    for (const coordinator of steered) coordinator.stop();
    this.#runner.stopAll();
    const waited = new AbortController();
    const late = delay(LEAVE_MS, undefined, { signal: waited.signal }).catch(() => {});
    await Promise.race([Promise.all([this.#queue.stop(), ...steered.map(({ ended }) => ended)]), late]);
    waited.abort();
    for (const connection of this.#connections) connection.disconnect();
  }

  async submit(request: JobRequest, caller: JobCaller): Promise<Job> {
    const { input, output } = request;
    if (request.keep === "all" && input.format === "jsonl" && output.format !== "jsonl")
      throw new IdiomError("INVALID_REQUEST", "JSON Lines have no columns that all rows share: name those to keep, or write JSON Lines");
    const found = this.#parts.find(request.model, request.version);
    if (!found.ok) throw new IdiomError("MODEL_NOT_READY", found.why);
    const { version, environments } = found.serving;
    if (!version.manifest.idempotent)
      throw new IdiomError(
        "INVALID_REQUEST",
        `model '${version.name}' says idempotent: false, and after a crash a job runs rows again; call it row by row instead`,
      );
    const readable = input.path === null ? null : await this.#parts.places.readable(input.path);
    const writable = output.path === null ? null : await this.#parts.places.writable(output.path);
    const spec: JobSpec = {
      id: randomUUID().replaceAll("-", "").slice(0, 20),
      owner: caller.id,
      idempotencyKey: request.idempotencyKey,
      model: { name: version.name, version: version.version, digest: version.digest, environment: environments[0] ?? "" },
      store: this.#store,
      input: { ...input, path: readable?.path ?? null, tag: readable?.tag ?? null },
      output: { ...output, path: writable },
      keep: request.keep,
      maxFailedRows: request.maxFailedRows,
      priority: request.priority,
      ttlMs: request.ttlMs ?? this.#options.ttlMs,
      submittedAt: Date.now(),
    };
    await mkdir(this.#folder(spec.id), { recursive: true, mode: 0o700 });
    const id = await this.#answer(this.#ledger.submit(spec, readable !== null));
    if (id !== spec.id) await rm(this.#folder(spec.id), { recursive: true, force: true });
    void this.#take();
    return this.get(id, caller);
  }

  async upload(id: string, caller: JobCaller, bytes: AsyncIterable<Uint8Array>): Promise<Job> {
    const job = await this.#seen(id, caller);
    if (job.inputReady || job.state.name !== "queued") throw new IdiomError("JOB_STATE", `the job is ${job.state.name} and takes no upload`);
    checkHere(job);
    const partial = join(this.#folder(id), `${UPLOAD}-${randomUUID()}`);
    try {
      await pipeline(bytes, createWriteStream(partial, { mode: 0o600 }));
      await rename(partial, join(this.#folder(id), UPLOAD));
    } catch (error) {
      await rm(partial, { force: true });
      throw error;
    }
    await this.#answer(this.#ledger.inputReady(id));
    void this.#take();
    return this.get(id, caller);
  }

  get(id: string, caller: JobCaller): Promise<Job> {
    return this.#seen(id, caller);
  }

  async list(caller: JobCaller): Promise<Job[]> {
    return (await this.#answer(this.#ledger.list())).filter((job) => isSeenBy(job, caller));
  }

  async *watch(id: string, caller: JobCaller, signal: AbortSignal): AsyncGenerator<Job, void, void> {
    while (!signal.aborted) {
      const changed = this.#watchers.nextChange(id, signal);
      const job = await this.#seen(id, caller);
      yield job;
      if (hasEnded(job.state)) return;
      await changed;
    }
  }

  async change(id: string, caller: JobCaller, event: "pause" | "resume" | "cancel" | "retry"): Promise<Job> {
    const job = await this.#seen(id, caller);
    if (event === "retry" && job.progress.totalRows !== null && job.state.name === "succeeded" && job.failedByModel === 0)
      throw new IdiomError("JOB_STATE", "no row of the job was failed by its model: there is nothing to run again");
    await this.#answer(this.#ledger.change(id, { type: event }));
    void this.#take();
    return this.get(id, caller);
  }

  async readOutput(id: string, caller: JobCaller): Promise<AsyncIterable<Uint8Array>> {
    const job = await this.#seen(id, caller);
    const { spec, state } = job;
    if (state.name !== "succeeded") throw new IdiomError("JOB_STATE", `the job is ${state.name}: it has an output once it has succeeded`);
    if (spec.output.path !== null) return this.#parts.places.read(spec.output.path);
    checkHere(job);
    const path = join(this.#folder(id), OUTPUT);
    if ((await stat(path).catch(() => null)) === null) throw new IdiomError("DATASET_INVALID", `the output is gone from ${path}`);
    return createReadStream(path, { highWaterMark: READ_BYTES });
  }

  async readErrors(id: string, caller: JobCaller): Promise<AsyncIterable<Uint8Array>> {
    checkHere(await this.#seen(id, caller));
    const results = [...(await this.#answer(this.#ledger.results(id)))].sort(([a], [b]) => a - b);
    return concatenated(results.flatMap(([, { errors }]) => (errors === "" ? [] : [join(this.#folder(id), errors)])));
  }

  #folder(id: string): string {
    return join(this.#options.folder, id);
  }

  /** Whoever may not see a job learns nothing of it, not even that it is there. */
  async #seen(id: string, caller: JobCaller): Promise<JobRecord> {
    const job = await this.#answer(this.#ledger.get(id));
    if (!isSeenBy(job, caller)) throw new IdiomError("JOB_NOT_FOUND", `there is no job '${id}'`);
    return job;
  }

  /** @throws IdiomError JOBS_UNAVAILABLE when Redis does not answer */
  async #answer<Answer>(asked: Promise<Answer>): Promise<Answer> {
    try {
      return await asked;
    } catch (error) {
      if (error instanceof IdiomError) throw error;
      throw new IdiomError("JOBS_UNAVAILABLE", `jobs cannot be reached now: ${whyFailed(error as Error)}`);
    }
  }

  #jobChanged(message: string): void {
    const [id = "", state = ""] = message.split(" ");
    const coordinator = this.#steered.get(id);
    if (state === "cancelled" || state === "failed") {
      this.#runner.stop(id);
      coordinator?.stop();
    } else coordinator?.jobChanged();
    this.#watchers.changed(id, hasEnded({ name: state as JobState["name"] }));
    if (state === "queued") void this.#take();
  }

  /** Takes jobs as long as there are some that nobody steers. */
  async #take(): Promise<void> {
    if (this.#taking || this.#stopped) return;
    this.#taking = true;
    try {
      while (this.#steered.size < MAX_STEERED && !this.#stopped) {
        const lease = await this.#ledger.take(LEASE_MS, this.#options.jobsPerModel);
        if (lease === null) break;
        const coordinator = new Coordinator(lease, { ledger: this.#patient, queue: this.#queue, folder: (id) => this.#folder(id), ...this.#parts });
        this.#steered.set(lease.id, coordinator);
        void coordinator.ended.then(() => {
          this.#steered.delete(lease.id);
          void this.#take();
        });
      }
    } catch (error) {
      this.#parts.log.debug({ error: (error as Error).message }, "jobs cannot be looked for; trying again");
    } finally {
      this.#taking = false;
    }
  }
}

/** @throws IdiomError JOB_STATE when its files lie elsewhere */
function checkHere({ elsewhere }: Job): void {
  if (elsewhere === "") return;
  throw new IdiomError(
    "JOB_STATE",
    `the files of the job lie at ${elsewhere}, which this server does not have; ask a server that has it, or give all of them one IDIOM_STATE`,
  );
}

function isSeenBy({ spec }: Job, { id, seesAll }: JobCaller): boolean {
  return seesAll || spec.owner === id;
}

async function* concatenated(files: readonly string[]): AsyncGenerator<Uint8Array, void, void> {
  for (const file of files) yield* createReadStream(file, { highWaterMark: READ_BYTES });
}
