// Datasets as a job reads them: in the data threads, into the blocks of a spool.
import assert from "node:assert/strict";
import { join } from "node:path";
import type { TestContext } from "node:test";
import { IdiomError } from "../../src/core/errors.ts";
import type { Compression, DataFormat } from "../../src/core/job.ts";
import type { TensorSpec } from "../../src/core/signature.ts";
import type { BrokenRow } from "../../src/data/block.ts";
import type { ReadProgress, ReadTask } from "../../src/data/read-task.ts";
import { rowReader } from "../../src/data/text-output.ts";
import type { DataThreads } from "../../src/data/threads.ts";
import { temporaryFolder } from "./folders.ts";

export interface Read {
  /** Per input, the value of each row that is not broken. */
  readonly values: Readonly<Record<string, readonly unknown[]>>;
  readonly kept: readonly string[];
  readonly broken: readonly BrokenRow[];
  readonly rows: number;
}

export interface ReadOptions {
  readonly format?: DataFormat;
  readonly compression?: Compression;
  readonly keep?: ReadTask["keep"];
  readonly merged?: boolean;
  readonly skipRows?: number;
}

export async function read(
  threads: DataThreads,
  t: TestContext,
  content: string | Uint8Array,
  inputs: readonly TensorSpec[],
  options: ReadOptions = {},
): Promise<Read> {
  const { format = "csv", compression = "none", keep = [], merged = true, skipRows = 0 } = options;
  const folder = temporaryFolder(t, { input: content });
  const told: ReadProgress[] = [];
  const task = {
    source: { path: join(folder, "input"), tag: null },
    format: { format, compression },
    folder,
    spool: "rows",
    skipRows,
    model: "m",
    inputs,
    merged,
    keep,
    taken: [],
  };
  const { rows } = await threads.read(task, (progress) => told.push(progress), new AbortController().signal);
  const values: Record<string, unknown[]> = Object.fromEntries(inputs.map(({ name }) => [name, []]));
  const kept: string[] = [];
  const broken: BrokenRow[] = [];
  for (const { place } of told) {
    const block = await threads.block(folder, place);
    const count = block.size;
    block
      .tensors(0, count, (rowShape) => [count, ...rowShape])
      .forEach((tensor, i) => {
        const value = rowReader(tensor, count);
        for (let row = 0; row < count; row++) values[(inputs[i] as TensorSpec).name]?.push(value(row));
      });
    kept.push(...block.keptRows().map((json) => Buffer.from(json).toString()));
    broken.push(...block.broken);
  }
  return { values, kept, broken, rows };
}

/** What a file that is wrong as a whole is refused with. */
export async function refusal(
  threads: DataThreads,
  t: TestContext,
  content: string | Uint8Array,
  inputs: readonly TensorSpec[],
  options: ReadOptions = {},
): Promise<string> {
  try {
    await read(threads, t, content, inputs, options);
  } catch (error) {
    assert.ok(error instanceof IdiomError && error.code === "DATASET_INVALID", String(error));
    return error.message;
  }
  return assert.fail("it was read");
}
