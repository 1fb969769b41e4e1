// Reads a dataset from end to end into blocks of a spool file. Runs in a thread of its own.
import { closeSync, fsyncSync, openSync, writeSync } from "node:fs";
import { setPriority } from "node:os";
import { join } from "node:path";
import type { MessagePort } from "node:worker_threads";
import type { Column } from "../core/column.ts";
import { IdiomError } from "../core/errors.ts";
import { type DataFormat, isText } from "../core/job.ts";
import type { BlockPlace } from "./block.ts";
import { BlockBuilder, type BlockPlan } from "./block-builder.ts";
import { HARMLESS_BYTES, readBytes, utf8Only } from "./byte-source.ts";
import { csvRows } from "./csv-rows.ts";
import { openLocally, openSource, type Source } from "./endpoints.ts";
import type { FileFormat } from "./formats.ts";
import { jsonlRows } from "./jsonl-rows.ts";
import type { RowSource } from "./rows.ts";
import type { S3Settings } from "./s3/address.ts";
import { type TypedFile, typedRows } from "./typed-rows.ts";

export interface ReadTask extends BlockPlan {
  readonly source: Source;
  readonly format: FileFormat;
  /** Of the job. */
  readonly folder: string;
  /** The spool file in it, which is made anew. */
  readonly spool: string;
  /** So many rows are in other spool files already. */
  readonly skipRows: number;
  /** Who reads, for errors. */
  readonly model: string;
  /** Names that no kept column may have, where the output could not tell them apart. */
  readonly taken: readonly string[];
}

/** What comes through the port while it reads. */
export interface ReadProgress {
  readonly place: BlockPlace;
  /** What `keep` came to; null: rows have names of their own. */
  readonly keptColumns: readonly Column[] | null;
}

export interface ReadResult {
  readonly rows: number;
  readonly keptColumns: readonly Column[] | null;
}

/** Realtime calls go first, also at the processor. */
const NICE = 10;
/** Tables of values that repeat shrink to a hundredth; only what was made to burst shrinks to less than this. Text is looked at as it is unpacked. */
const MAX_TABLE_EXPANSION = 1000;

/** @throws IdiomError DATASET_INVALID */
export async function readDataset({
  task,
  port,
  s3,
}: {
  readonly task: ReadTask;
  readonly port: MessagePort;
  readonly s3: S3Settings | null;
}): Promise<ReadResult> {
  setPriority(NICE);
  try {
    return await readInto(task, port, s3);
  } finally {
    port.close();
  }
}

async function readInto(task: ReadTask, port: MessagePort, s3: S3Settings | null): Promise<ReadResult> {
  const opened = await openRows(task, s3);
  try {
    return await readRows(opened, task, port);
  } finally {
    opened.close();
  }
}

async function readRows({ source, maxBytes }: Opened, task: ReadTask, port: MessagePort): Promise<ReadResult> {
  const keptColumns = checkColumns(source, task);
  const builder = new BlockBuilder(task, source.columns?.map(({ name }) => name) ?? null, task.skipRows);
  const file = openSync(join(task.folder, task.spool), "w", 0o600);
  let offset = 0;
  let rows = 0;
  const write = (block: ReturnType<BlockBuilder["flush"]>): void => {
    if (block === null) return;
    writeSync(file, block.bytes);
    const place: BlockPlace = { file: task.spool, offset, bytes: block.bytes.length, firstRow: block.firstRow, rows: block.rows };
    offset += block.bytes.length;
    if (offset > maxBytes)
      throw new IdiomError("DATASET_INVALID", `the rows of the table have become ${offset} bytes: that is no table but a decompression bomb`);
    port.postMessage({ place, keptColumns } satisfies ReadProgress);
  };
  try {
    for await (const batch of source.batches) {
      for (const row of batch) if (++rows > task.skipRows) write(builder.add(row));
    }
    write(builder.flush());
    fsyncSync(file);
  } finally {
    closeSync(file);
  }
  if (rows < task.skipRows)
    throw new IdiomError("DATASET_INVALID", `the input has ${rows} rows, and had ${task.skipRows} before: it was changed while the job ran`);
  return { rows, keptColumns };
}

interface Opened {
  readonly source: RowSource;
  /** What its rows may grow to. */
  readonly maxBytes: number;
  close(): void;
}

async function openRows({ source, format: { format, compression }, folder, spool, inputs, keep }: ReadTask, s3: S3Settings | null): Promise<Opened> {
  if (!isText(format)) {
    const open = await tableOpener(format);
    const file = open(await openLocally(source, s3, join(folder, `${spool}-table`)));
    return { source: typedRows(file, inputs, keep), maxBytes: Math.max(HARMLESS_BYTES, MAX_TABLE_EXPANSION * file.bytes), close: () => file.close() };
  }
  const file = openSource(source, s3);
  const bytes = utf8Only(readBytes(file, compression));
  return { source: format === "csv" ? await csvRows(bytes) : jsonlRows(bytes), maxBytes: Number.POSITIVE_INFINITY, close: () => file.destroy() };
}

/** Loaded with the first table: threads that never see one go without. */
async function tableOpener(format: DataFormat): Promise<(file: number) => TypedFile> {
  return format === "parquet" ? (await import("./parquet-file.ts")).openParquet : (await import("./arrow-file.ts")).openArrow;
}

function checkColumns(source: RowSource, task: ReadTask): readonly Column[] | null {
  const kept = source.columns === null ? untyped(task.keep) : lookUp(source.columns, task);
  const twice = kept?.find(({ name }) => task.taken.includes(name));
  if (twice === undefined) return kept;
  throw new IdiomError("DATASET_INVALID", `the column '${twice.name}' is to be kept, and the model has an output of that name: the output cannot have both`);
}

function untyped(keep: ReadTask["keep"]): readonly Column[] | null {
  return keep === "all" ? null : keep.map((name) => ({ name, type: { kind: "json" } }));
}

function lookUp(columns: readonly Column[], { inputs, keep, model }: ReadTask): readonly Column[] {
  const byName = new Map(columns.map((column) => [column.name, column]));
  const has = `it has ${listed([...byName.keys()])}`;
  const lacking = inputs.map(({ name }) => name).filter((name) => !byName.has(name));
  if (lacking.length > 0) throw new IdiomError("DATASET_INVALID", `the input has no column ${listed(lacking)}, which model '${model}' needs; ${has}`);
  if (keep === "all") return columns;
  const unkept = keep.filter((name) => !byName.has(name));
  if (unkept.length > 0) throw new IdiomError("DATASET_INVALID", `the input has no column ${listed(unkept)} to keep; ${has}`);
  return keep.map((name) => byName.get(name) as Column);
}

function listed(names: readonly string[]): string {
  return names.map((name) => `'${name}'`).join(", ");
}
