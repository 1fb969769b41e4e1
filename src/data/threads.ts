// Datasets are read and written in threads of their own: neither parsing nor formatting ever runs where calls are answered.
import { open } from "node:fs/promises";
import { extname, join } from "node:path";
import { MessageChannel } from "node:worker_threads";
import { Piscina } from "piscina";
import { IdiomError } from "../core/errors.ts";
import { limitYoungHeapsByThread } from "../process/heaps.ts";
import { Block, type BlockPlace } from "./block.ts";
import { discard, type Target } from "./endpoints.ts";
import type { JoinTask } from "./join-task.ts";
import type { ReadProgress, ReadResult, ReadTask } from "./read-task.ts";
import type { S3Settings } from "./s3/address.ts";
import type { TaskOutcome } from "./tasks.ts";
import type { WriteResult, WriteTask } from "./write-task.ts";

const IDLE_TIMEOUT_MS = 10_000;
/** One dataset is read, or put in its place, per thread, from its first row to its last. */
const TRANSFERS = 2;
/** It writes faster than models answer, and each thread costs some 50 MB. */
const WRITERS = 1;
/** Enough for a row as long as a row may be; more would only be collected later. */
const MAX_HEAP_MB = 64;
const MAX_YOUNG_HEAP_MB = 8;

export class DataThreads {
  readonly #transfers = pool(TRANSFERS);
  readonly #writers = pool(WRITERS);
  readonly #s3: S3Settings | null;

  /** `s3`: how to reach objects; null: there are none to reach. */
  constructor(s3: S3Settings | null = null) {
    this.#s3 = s3;
  }

  /**
   * Reads a dataset into a spool file and tells of each block in order.
   * @throws IdiomError DATASET_INVALID; AbortError once `signal` has.
   */
  async read(task: ReadTask, progress: (progress: ReadProgress) => void, signal: AbortSignal): Promise<ReadResult> {
    const { port1, port2 } = new MessageChannel();
    const told = new Promise<void>((resolve) => port1.once("close", resolve));
    port1.on("message", progress);
    // What is read is answered soon, and then written.
    void this.#writers.run(undefined, { name: "prepareWriter" }).catch(() => {});
    try {
      const outcome = (await this.#transfers
        .run({ task, port: port2, s3: this.#s3 }, { name: "readDataset", transferList: [port2], signal })
        .catch(outOfMemory)) as TaskOutcome<ReadResult>;
      // What was told last may still be on its way.
      await told;
      return resultOf(outcome);
    } finally {
      port1.close();
    }
  }

  async write(task: WriteTask): Promise<WriteResult> {
    const transferList = task.answers.flatMap(({ outputs }) => (outputs.kind === "rows" ? outputs.tensors.map(({ data }) => data.buffer as ArrayBuffer) : []));
    return resultOf((await this.#writers.run(task, { name: "writeChunk", transferList })) as TaskOutcome<WriteResult>);
  }

  /** @throws IdiomError DATASET_INVALID, STORAGE_UNAVAILABLE, STORAGE_REFUSED; AbortError once `signal` has. */
  async join(task: JoinTask, signal: AbortSignal): Promise<void> {
    try {
      resultOf((await this.#transfers.run({ task, s3: this.#s3 }, { name: "joinParts", signal })) as TaskOutcome<void>);
    } catch (error) {
      // Its thread has ended where it stood.
      if (signal.aborted) await this.discard(task.target);
      throw error;
    }
  }

  /** Ends what this holder, or one before it, has begun at this target and not published, if that can be done now. */
  async discard(target: Target): Promise<void> {
    await discard(target, this.#s3).catch(() => {});
  }

  /** A block of a job's spool: a read of bytes, which needs no thread of ours. */
  async block(folder: string, { file, offset, bytes }: BlockPlace): Promise<Block> {
    const handle = await open(join(folder, file));
    try {
      const buffer = Buffer.allocUnsafeSlow(bytes);
      const { bytesRead } = await handle.read(buffer, 0, bytes, offset);
      if (bytesRead !== bytes) throw new IdiomError("INTERNAL", `${file} of the job is shorter than it was`);
      return new Block(buffer);
    } finally {
      await handle.close();
    }
  }

  async stop(): Promise<void> {
    await Promise.all([this.#transfers.destroy(), this.#writers.destroy()]);
  }
}

function pool(maxThreads: number): Piscina {
  limitYoungHeapsByThread();
  return new Piscina({
    // As this file is, so is that one: TypeScript in the sources, JavaScript in the build.
    filename: join(import.meta.dirname, `tasks${extname(import.meta.filename)}`),
    minThreads: 0,
    maxThreads,
    idleTimeout: IDLE_TIMEOUT_MS,
    // A thread that waits for tasks in Atomics.wait reads its files ten times slower meanwhile: its event loop stands still.
    atomics: "disabled",
    resourceLimits: { maxOldGenerationSizeMb: MAX_HEAP_MB, maxYoungGenerationSizeMb: MAX_YOUNG_HEAP_MB },
  });
}

/** A thread that has not enough memory ends; the others, and what waits, go on. */
function outOfMemory(error: NodeJS.ErrnoException): never {
  if (error.code !== "ERR_WORKER_OUT_OF_MEMORY") throw error;
  throw new IdiomError(
    "DATASET_INVALID",
    `the file needs more than ${MAX_HEAP_MB} MB of memory to be read: it is damaged, or has very many columns, or (Parquet) pages of very many values`,
  );
}

/** What a task came to, as `tasks.ts` hands it over. */
function resultOf<Value>(outcome: TaskOutcome<Value>): Value {
  if (outcome.ok) return outcome.value;
  throw new IdiomError(outcome.code, outcome.message);
}
