// The chunks that wait, as jobs of BullMQ: at least one attempt at each, by any process that can, also after the one that had it has died.
import { type Job as BullJob, DelayedError, Queue, UnrecoverableError, Worker } from "bullmq";
import type { Logger } from "pino";
import { IdiomError } from "../../core/errors.ts";
import type { Priority } from "../../core/invocation.ts";
import type { RedisConnection } from "../../redis/connection.ts";
import { keys } from "../../redis/keys.ts";
import { NotNow } from "./row-runner.ts";

const NAME = "chunk";
/** Chunks of all jobs that this process has at a time. Those that wait for their turn hold nothing. */
const CONCURRENCY = 8;
/** What is wrong with a machine may be over by the next attempt; what is wrong with a job never is. */
const ATTEMPTS = 4;
const RETRY_MS = 500;
/** A chunk whose model cannot be called now leaves its place to others for so long. */
const LATER_MS = 1000;
/** A process that does not renew its lock for so long is dead, or as good as. */
const LOCK_MS = 10_000;
const STALLED_LOOK_MS = 5000;
/** Asking costs Redis a look at all of its connections. */
const WORKERS_KNOWN_MS = 5000;
/** Deaths of processes do not count as attempts: whoever kills them may do so often. */
const MAX_STALLS = 1000;

export interface WaitingChunk {
  /** Of the job. */
  readonly id: string;
  readonly index: number;
  /** Counts the retries of the job. */
  readonly round: number;
  readonly priority: Priority;
}

export interface ChunkQueueHooks {
  /** @throws NotNow for later, IdiomError to give the chunk up, anything else for another attempt. */
  run(id: string, index: number): Promise<void>;
  /** The chunk was given up. */
  gaveUp(id: string, index: number, attempts: number, cause: string): Promise<void>;
}

type Data = Pick<WaitingChunk, "id" | "index">;

export class ChunkQueue {
  readonly #queue: Queue<Data>;
  readonly #worker: Worker<Data>;
  #workers = 1;
  #workersAt = Number.NEGATIVE_INFINITY;
  #ran: Promise<void> = Promise.resolve();

  /** `store`: whose chunks these are, of those that have its files. `connection` and `blocking` wait for a Redis that is away. They stay the caller's. */
  constructor(store: string, connection: RedisConnection, blocking: RedisConnection, hooks: ChunkQueueHooks, log: Logger) {
    const name = `chunks-${store}`;
    const shared = { prefix: keys.batch, skipVersionCheck: true } as const;
    this.#queue = new Queue<Data>(name, { ...shared, connection });
    this.#worker = new Worker<Data>(name, (job, token) => process(job, token ?? "", hooks), {
      ...shared,
      connection: blocking,
      concurrency: CONCURRENCY,
      lockDuration: LOCK_MS,
      stalledInterval: STALLED_LOOK_MS,
      maxStalledCount: MAX_STALLS,
      autorun: false,
    });
    this.#worker.on("failed", (job, error) => {
      if (job === undefined) return;
      const { id, index } = job.data;
      log.warn({ job: id, chunk: index, attempt: job.attemptsMade, error: error.message }, "an attempt at a chunk failed");
      if (job.finishedOn === undefined) return;
      hooks
        .gaveUp(id, index, job.attemptsMade, error.message)
        .catch((failure: Error) => log.error({ job: id, error: failure.message }, "cannot be written down"));
    });
    // Without listeners they would end the process; Redis' absence is told by others.
    this.#queue.on("error", (error: Error) => log.debug({ error: error.message }, "BullMQ"));
    this.#worker.on("error", (error: Error) => log.debug({ error: error.message }, "BullMQ"));
  }

  start(): void {
    this.#ran = this.#worker.run().catch(() => {});
  }

  /** Adding what is there already changes nothing. */
  async add(chunks: readonly WaitingChunk[]): Promise<void> {
    await this.#queue.addBulk(
      chunks.map(({ id, index, round, priority }) => ({
        name: NAME,
        data: { id, index },
        opts: {
          jobId: `${id}-${index}-${round}`,
          priority: priority + 1,
          attempts: ATTEMPTS,
          backoff: { type: "fixed", delay: RETRY_MS },
          removeOnComplete: true,
          removeOnFail: true,
        },
      })),
    );
  }

  /** How many processes run chunks, as of the last seconds. */
  async workers(): Promise<number> {
    if (performance.now() - this.#workersAt > WORKERS_KNOWN_MS) {
      this.#workersAt = performance.now();
      this.#workers = await this.#queue.getWorkersCount();
    }
    return this.#workers;
  }

  /** Takes no more, and resolves when what runs has ended. */
  async stop(): Promise<void> {
    // Without force it would first wait for a Redis that is away, and keep what renews its locks until then.
    await this.#worker.close(true);
    await this.#ran;
    await this.#queue.close();
  }
}

async function process(job: BullJob<Data>, token: string, { run }: ChunkQueueHooks): Promise<void> {
  try {
    await run(job.data.id, job.data.index);
  } catch (error) {
    if (error instanceof NotNow) {
      await job.moveToDelayed(Date.now() + LATER_MS, token);
      throw new DelayedError();
    }
    if (error instanceof IdiomError && error.code !== "INTERNAL") throw new UnrecoverableError(error.message);
    throw error;
  }
}
