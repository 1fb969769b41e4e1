// One attempt at a chunk: its rows from the spool, through the model, to a part of the output, and into the ledger.
import { rm } from "node:fs/promises";
import { join } from "node:path";
import { IdiomError } from "../../core/errors.ts";
import type { Invocation } from "../../core/invocation.ts";
import type { Chunk, JobSpec } from "../../core/job.ts";
import type { BlockAnswer, BlockPlace, FindVersion, JobData, PinnedVersion } from "./data.ts";
import type { Ledger } from "./ledger.ts";
import { RowCosts } from "./row-costs.ts";
import { NotNow, runRows } from "./row-runner.ts";
import { Turns } from "./turns.ts";

export interface ChunkRunnerParts {
  readonly ledger: Ledger;
  readonly data: JobData;
  readonly find: FindVersion;
  readonly submit: (invocation: Invocation) => void;
  /** The folder of a job. */
  readonly folder: (id: string) => string;
}

interface Answers {
  readonly answers: readonly BlockAnswer[];
  /** performance.now() at the first block's turn. */
  readonly startedAt: number;
}

export class ChunkRunner {
  readonly #parts: ChunkRunnerParts;
  readonly #costs = new RowCosts();
  readonly #turns = new Turns();
  /** What runs now, by job. */
  readonly #running = new Map<string, Set<AbortController>>();

  constructor(parts: ChunkRunnerParts) {
    this.#parts = parts;
  }

  /**
   * Runs a chunk unless it is committed already or its job does not run. What it comes to counts only when no newer attempt has begun.
   * @throws NotNow when the model cannot be called, IdiomError for what is wrong with the job, Error for what is wrong here.
   */
  async run(id: string, index: number): Promise<void> {
    const attempt = await this.#parts.ledger.start(id, index);
    if (attempt === null) return;
    const stop = new AbortController();
    const running = this.#running.get(id) ?? new Set();
    this.#running.set(id, running.add(stop));
    try {
      await this.#attempt(id, index, attempt, stop.signal);
    } catch (error) {
      if (!stop.signal.aborted) throw error;
      // Of a job that was ended nothing is left to do; a process that stops leaves the chunk to others.
      if (stop.signal.reason instanceof NotNow) throw stop.signal.reason;
    } finally {
      running.delete(stop);
      if (running.size === 0) this.#running.delete(id);
    }
  }

  /** Stops what runs of this job; nothing of it is committed. */
  stop(id: string): void {
    for (const stop of this.#running.get(id) ?? []) stop.abort();
  }

  /** Stops what runs here, for others to run. */
  stopAll(): void {
    for (const running of this.#running.values()) for (const stop of running) stop.abort(new NotNow("the server is shutting down"));
  }

  async #attempt(id: string, index: number, attempt: number, signal: AbortSignal): Promise<void> {
    const { ledger, data } = this.#parts;
    const [job, chunk, blocks] = await Promise.all([ledger.get(id), ledger.chunk(id, index), ledger.blocks(id, 0)]);
    if (chunk === null) throw new IdiomError("INTERNAL", `chunk ${index} is not in the ledger`);
    const { spec, keptColumns } = job;
    const serving = pinned(spec, this.#parts.find);
    const folder = this.#parts.folder(id);
    const { answers, startedAt } = await this.#answers(folder, blocksOf(chunk, blocks), chunk, serving, signal);
    const names = { part: `part-${index}-${attempt}`, errors: `errors-${index}-${attempt}` };
    const { inputs, outputs } = serving.signature;
    const counts = await data.write({
      folder,
      ...names,
      format: spec.output,
      inputNames: inputs.map(({ name }) => name),
      outputNames: outputs.map(({ name }) => name),
      keptColumns,
      answers,
    });
    const errors = counts.failedRows === 0 ? "" : names.errors;
    const ms = Math.round(performance.now() - startedAt);
    const committed = !signal.aborted && (await ledger.commit(id, chunk, { attempt, part: names.part, errors, ms, ...counts }));
    const needless = committed ? (errors === "" ? [names.errors] : []) : Object.values(names);
    await Promise.all(needless.map((name) => rm(join(folder, name), { force: true })));
  }

  /** A block is read when its turn comes, and the next one's turn comes while the last calls of this one still run: the model never waits for a file. */
  async #answers(folder: string, places: readonly BlockPlace[], chunk: Chunk, serving: PinnedVersion, signal: AbortSignal): Promise<Answers> {
    const failed = new AbortController();
    const either = AbortSignal.any([signal, failed.signal]);
    let startedAt: number | null = null;
    const answer = async (place: BlockPlace): Promise<BlockAnswer> => {
      const over = await this.#turns.take(serving.version.key);
      try {
        either.throwIfAborted();
        startedAt ??= performance.now();
        const fromRow = Math.max(chunk.firstRow, place.firstRow);
        const toRow = Math.min(chunk.firstRow + chunk.rows, place.firstRow + place.rows);
        const block = await this.#parts.data.block(folder, place);
        const run = { serving, block, ...block.places(fromRow, toRow), allCalled: over };
        return { block: place, fromRow, toRow, ...(await runRows(run, this.#parts.submit, this.#costs, either).finally(() => block.release())) };
      } catch (error) {
        failed.abort();
        throw error;
      } finally {
        over();
      }
    };
    const answers = await Promise.all(places.map(answer));
    return { answers, startedAt: startedAt ?? performance.now() };
  }
}

/**
 * The version that the job was submitted for; a node has it with the environment that it was submitted for.
 * @throws NotNow while it is not there, IdiomError MODEL_INVALID when something else has taken its place.
 */
export function pinned({ model }: JobSpec, find: FindVersion): PinnedVersion {
  const { name, version, digest, environment } = model;
  let found: ReturnType<FindVersion>;
  try {
    found = find(name, version);
  } catch (error) {
    throw new NotNow(IdiomError.from(error).message);
  }
  if (!found.ok) throw new NotNow(found.why);
  const { environments, ...serving } = found.serving;
  if (serving.version.digest !== digest)
    throw new IdiomError(
      "MODEL_INVALID",
      `model '${name}' version '${version}' has changed since the job was submitted (${short(digest)}, now ${short(serving.version.digest)}): its answers would be of two models; submit the job again`,
    );
  if (environments.includes(environment)) return { ...serving, environment };
  throw new IdiomError(
    "MODEL_INVALID",
    `model '${name}' version '${version}' runs in another environment than when the job was submitted (${short(environment)}, now ${environments.map(short).join(", ")}): the same row may have another answer there; submit the job again`,
  );
}

function short(digest: string): string {
  return digest.slice(0, 12);
}

function blocksOf({ firstRow, rows }: Chunk, blocks: readonly BlockPlace[]): BlockPlace[] {
  return blocks.filter((block) => block.firstRow < firstRow + rows && block.firstRow + block.rows > firstRow);
}
