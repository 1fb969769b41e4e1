// Steers one job while it holds the job's lease: has its input read, cuts chunks of about a second, and joins what they come to.
import { readdir, rm, stat } from "node:fs/promises";
import { join } from "node:path";
import type { Logger } from "pino";
import { IdiomError } from "../../core/errors.ts";
import { type Chunk, isText, type JobEvent, tooManyFailed } from "../../core/job.ts";
import type { ChunkQueue } from "./chunk-queue.ts";
import { pinned } from "./chunk-runner.ts";
import type { FindVersion, JobData, PinnedVersion } from "./data.ts";
import type { CommittedChunk, JobLease, JobRecord, Ledger } from "./ledger.ts";
import { NotNow } from "./row-runner.ts";

export interface CoordinatorParts {
  readonly ledger: Ledger;
  readonly queue: ChunkQueue;
  readonly data: JobData;
  readonly find: FindVersion;
  readonly folder: (id: string) => string;
  readonly log: Logger;
}

export const LEASE_MS = 5000;
const RENEW_MS = 1000;
/** What nobody told us of is seen after this time. */
const LOOK_MS = 1000;
const CHUNK_MS = 1000;
/** The first chunk shows what a row costs. */
const FIRST_ROWS = 64;
/** From one chunk to the next it grows by no more than this. */
const MOST_GROWTH = 8;
const MAX_ROWS = 1_000_000;
/** A chunk's answers are held in memory until all are there. */
const MAX_PART_BYTES = 4 * 2 ** 20;
/** Chunks in flight per process and slot, and more: one whose output is written, and one that is there when it ends. */
const MORE_THAN_SLOTS = 2;
/** Chunks that were lost with whoever had them are queued again. */
const REQUEUE_MS = 10_000;

/** Something ended that is nobody's fault: the lease, or the job. */
class Gone extends Error {
  override name = "Gone";
}

export class Coordinator {
  readonly lease: JobLease;
  /** Resolves when this process steers the job no more. */
  readonly ended: Promise<void>;
  readonly #parts: CoordinatorParts;
  readonly #stop = new AbortController();
  /** Rows of the chunks whose time is not known yet. */
  readonly #started = new Map<number, number>();
  #wake: (() => void) | null = null;
  #changed = false;
  #targetRows = FIRST_ROWS;
  #readingFailed: Error | null = null;
  #reading: Promise<void> | null = null;
  #rate = new Rate();

  constructor(lease: JobLease, parts: CoordinatorParts) {
    this.lease = lease;
    this.#parts = parts;
    this.ended = this.#run();
  }

  /** The job may have changed. */
  jobChanged(): void {
    this.#changed = true;
    this.#wake?.();
  }

  /** Leaves the job to others, in the state that it has. */
  stop(): void {
    this.#stop.abort();
    this.#wake?.();
  }

  async #run(): Promise<void> {
    const renewal = setInterval(() => void this.#renew(), RENEW_MS);
    this.#stop.signal.addEventListener("abort", () => clearInterval(renewal));
    try {
      await this.#steer();
    } catch (error) {
      if (!(error instanceof Gone) && !this.#stop.signal.aborted) await this.#failed(error as Error);
    } finally {
      this.#stop.abort();
      await this.#reading;
      await this.#parts.ledger.release(this.lease).catch(() => {});
    }
  }

  async #renew(): Promise<void> {
    if (!(await this.#parts.ledger.renew(this.lease, LEASE_MS).catch(() => true))) this.stop();
  }

  async #steer(): Promise<void> {
    const { ledger } = this.#parts;
    const { id } = this.lease;
    let job = await this.#change({ type: "taken" });
    await this.#requeue(job);
    let requeuedAt = performance.now();
    while (true) {
      const serving = await this.#serving(job);
      if (serving !== null) {
        if (job.progress.totalRows === null) this.#reading ??= this.#read(job, serving);
        if (await this.#finished(job, serving)) return;
        await this.#plan(job, serving);
      }
      await this.#nextChange();
      if (this.#stop.signal.aborted) return;
      job = await ledger.get(id);
      if (job.state.name !== "running") return;
      if (this.#readingFailed !== null) throw this.#readingFailed;
      const dead = job.dead[0];
      if (dead !== undefined) throw new IdiomError("INTERNAL", dead.cause);
      const tooMany = tooManyFailed(job.spec.maxFailedRows, job.progress.failedRows, job.progress.totalRows);
      if (tooMany !== null) throw new IdiomError("INVALID_INPUT", `${tooMany}; \`idiom job errors ${id}\` shows them`);
      await this.#measure(job);
      if (performance.now() - requeuedAt > REQUEUE_MS) {
        await this.#requeue(job);
        requeuedAt = performance.now();
      }
    }
  }

  /** Null while the model cannot be called; the job says why. */
  async #serving(job: JobRecord): Promise<PinnedVersion | null> {
    try {
      const serving = pinned(job.spec, this.#parts.find);
      if (job.state.name === "running" && job.state.waitsFor !== "") await this.#change({ type: "waits", why: "" });
      return serving;
    } catch (error) {
      if (!(error instanceof NotNow)) throw error;
      await this.#change({ type: "waits", why: error.message });
      return null;
    }
  }

  async #read({ spec, progress }: JobRecord, { version, signature }: PinnedVersion): Promise<void> {
    const { ledger, data, folder } = this.#parts;
    const { lease } = this;
    let writing: Promise<unknown> = Promise.resolve();
    try {
      const result = await data.read(
        {
          source: { path: spec.input.path ?? join(folder(lease.id), UPLOAD), tag: spec.input.tag },
          format: spec.input,
          folder: folder(lease.id),
          spool: `rows-${lease.fence}`,
          skipRows: progress.readRows,
          model: version.name,
          inputs: signature.inputs,
          merged: version.manifest.batching !== null,
          keep: spec.keep,
          // In a table two columns of one name cannot be told apart.
          taken: isText(spec.output.format) ? [] : signature.outputs.map(({ name }) => name),
        },
        ({ place, keptColumns }) => {
          writing = Promise.all([writing, ledger.addBlock(lease, place, keptColumns)]).then(() => this.#wake?.());
          writing.catch(() => {});
        },
        this.#stop.signal,
      );
      await writing;
      await ledger.readToEnd(lease, result.rows, result.keptColumns);
    } catch (error) {
      if (!this.#stop.signal.aborted) this.#readingFailed = error as Error;
    }
    this.jobChanged();
  }

  /** Cuts chunks as long as fewer than enough are in flight. */
  async #plan(job: JobRecord, serving: PinnedVersion): Promise<void> {
    const { ledger, queue } = this.#parts;
    const { spec, progress } = job;
    const enough = (Math.max(1, serving.slots) + MORE_THAN_SLOTS) * Math.max(1, await queue.workers());
    let { chunks, plannedRows } = job;
    for (let inFlight = chunks - job.committed; inFlight < enough && plannedRows < progress.readRows; inFlight++) {
      const rows = Math.min(progress.readRows - plannedRows, this.#targetRows);
      // More is being read: a sliver is left to grow.
      if (rows < this.#targetRows / 2 && progress.totalRows === null && inFlight > 0) break;
      const chunk: Chunk = { index: chunks, firstRow: plannedRows, rows };
      if (!(await ledger.plan(this.lease, chunk))) throw new Gone();
      this.#started.set(chunk.index, rows);
      await queue.add([{ id: spec.id, index: chunk.index, round: job.round, priority: spec.priority }]);
      chunks++;
      plannedRows += rows;
    }
  }

  /** All chunks that are planned and not committed. Whoever has them already goes on. */
  async #requeue(job: JobRecord): Promise<void> {
    if (job.chunks === job.committed) return;
    const { ledger, queue } = this.#parts;
    const { id, priority } = job.spec;
    const [chunks, results] = await Promise.all([ledger.chunks(id), ledger.results(id)]);
    const open = [...chunks.keys()].filter((index) => !results.has(index));
    await queue.add(open.map((index) => ({ id, index, round: job.round, priority })));
  }

  /** How long the chunks took that are done now says how large the next ones are. */
  async #measure(job: JobRecord): Promise<void> {
    if (this.#started.size > 0 && job.committed > 0) {
      const results = await this.#parts.ledger.results(this.lease.id);
      for (const [index, rows] of this.#started) {
        const result = results.get(index);
        if (result === undefined) continue;
        this.#started.delete(index);
        const wanted = Math.round(Math.min((rows * CHUNK_MS) / Math.max(1, result.ms), (rows * MAX_PART_BYTES) / Math.max(1, result.bytes)));
        this.#targetRows = Math.max(1, Math.min(wanted, MOST_GROWTH * rows, MAX_ROWS));
      }
    }
    const rate = this.#rate.next(job.progress.doneRows);
    if (rate !== null && !(await this.#parts.ledger.rate(this.lease, rate))) throw new Gone();
  }

  async #finished(job: JobRecord, serving: PinnedVersion): Promise<boolean> {
    const { ledger, data, folder } = this.#parts;
    const { spec, progress } = job;
    if (progress.totalRows === null || progress.doneRows < progress.totalRows || job.committed < job.chunks) return false;
    const committed = [...(await ledger.results(spec.id))].sort(([a], [b]) => a - b);
    if (await this.#runLostAgain(job, committed)) return false;
    const results = committed.map(([, result]) => result);
    const target = { path: spec.output.path ?? join(folder(spec.id), OUTPUT), job: spec.id, fence: this.lease.fence, folder: folder(spec.id) };
    const columns = { kept: job.keptColumns ?? [], outputs: serving.signature.outputs, merged: serving.version.manifest.batching !== null };
    await data.join({ format: spec.output, ...columns, parts: results.map(({ part }) => part), target }, this.#stop.signal);
    await this.#change({ type: "finished" });
    // Rows that the model failed may come right in another run; without any, nothing is left to run.
    if (job.failedByModel > 0) return true;
    const kept = new Set([OUTPUT, ...results.map(({ errors }) => errors)]);
    const files = (await readdir(folder(spec.id))).filter((name) => !kept.has(name));
    await Promise.all(files.map((name) => rm(join(folder(spec.id), name), { force: true })));
    await ledger.forgetRows(spec.id);
    return true;
  }

  /** Chunks whose part is not what was written, where the folder's disk has lost what it had said to hold. False: there are none. */
  async #runLostAgain(job: JobRecord, committed: readonly CommittedChunk[]): Promise<boolean> {
    const { ledger, folder, log } = this.#parts;
    const { id } = this.lease;
    const sizes = await Promise.all(committed.map(([, { part }]) => sizeOf(join(folder(id), part))));
    const lost = committed.filter(([, { bytes }], i) => bytes !== sizes[i]);
    if (lost.length === 0) return false;
    log.warn({ job: id, parts: lost.map(([, { part }]) => part) }, "parts of a job are not what was written: their chunks run again");
    await ledger.reopen(job, lost);
    await this.#requeue(await ledger.get(id));
    return true;
  }

  /**
   * What Redis refuses for a while (it is full, or a replica) is no fault of the job: it is taken up again. Nor is what fails once the lease
   * is lost: another holder has put an end to it, and goes on.
   */
  async #failed(error: Error): Promise<void> {
    if (error.name === "ReplyError") return void this.#parts.log.warn({ job: this.lease.id, error: error.message }, "a job waits for the durable Redis");
    if (!(await this.#parts.ledger.renew(this.lease, LEASE_MS).catch(() => true))) return;
    this.#parts.log.warn({ job: this.lease.id, error: error.message }, "a job has failed");
    await this.#change({ type: "failed", reason: error.message }).catch(() => {});
  }

  /** @throws Gone when somebody else has ended or paused it. */
  async #change(event: JobEvent): Promise<JobRecord> {
    try {
      return await this.#parts.ledger.change(this.lease.id, event);
    } catch (error) {
      if (error instanceof IdiomError && (error.code === "JOB_STATE" || error.code === "JOB_NOT_FOUND")) throw new Gone();
      throw error;
    }
  }

  async #nextChange(): Promise<void> {
    if (!this.#changed && !this.#stop.signal.aborted) {
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, LOOK_MS);
        this.#wake = () => {
          clearTimeout(timer);
          resolve();
        };
      });
      this.#wake = null;
    }
    this.#changed = false;
  }
}

async function sizeOf(path: string): Promise<number | null> {
  return (await stat(path).catch(() => null))?.size ?? null;
}

/** Names of files in a job's folder. */
export const UPLOAD = "upload";
export const OUTPUT = "output";

/** Rows per second, smoothed over the last seconds. */
class Rate {
  #rows: number | null = null;
  #at = performance.now();
  #smoothed = 0;

  /** The rate now; null when it was asked for less than a second ago. */
  next(rows: number): number | null {
    const now = performance.now();
    const seconds = (now - this.#at) / 1000;
    if (this.#rows !== null && seconds < 1) return null;
    const seen = this.#rows === null ? 0 : Math.max(0, (rows - this.#rows) / seconds);
    this.#smoothed = this.#smoothed === 0 ? seen : 0.5 * this.#smoothed + 0.5 * seen;
    this.#rows = rows;
    this.#at = now;
    return Math.round(this.#smoothed * 10) / 10;
  }
}
