// Reads a dataset from end to end into blocks of a spool file. Runs in a thread of its own.
import { closeSync, openSync, writeSync } from "node:fs";
import { setPriority } from "node:os";
import { join } from "node:path";
import type { Readable } from "node:stream";
import type { MessagePort } from "node:worker_threads";
import { IdiomError } from "../core/errors.ts";
import type { BlockPlace } from "./block.ts";
import { BlockBuilder, type BlockPlan } from "./block-builder.ts";
import { readBytes, utf8Only } from "./byte-source.ts";
import { csvRows } from "./csv-rows.ts";
import { openSource, type Source } from "./endpoints.ts";
import type { FileFormat } from "./formats.ts";
import { jsonlRows } from "./jsonl-rows.ts";
import type { RowSource } from "./rows.ts";
import type { S3Settings } from "./s3/address.ts";

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
}

/** What comes through the port while it reads. */
export interface ReadProgress {
  readonly place: BlockPlace;
  /** What `keep` came to; null: rows have names of their own. */
  readonly keptColumns: readonly string[] | null;
}

export interface ReadResult {
  readonly rows: number;
  readonly keptColumns: readonly string[] | null;
}

/** Realtime calls go first, also at the processor. */
const NICE = 10;

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
  const source = await openRows(openSource(task.source, s3), task.format);
  const keptColumns = checkColumns(source, task);
  const builder = new BlockBuilder(task, source.columns, task.skipRows);
  const file = openSync(join(task.folder, task.spool), "w", 0o600);
  let offset = 0;
  let rows = 0;
  const write = (block: ReturnType<BlockBuilder["flush"]>): void => {
    if (block === null) return;
    writeSync(file, block.bytes);
    const place: BlockPlace = { file: task.spool, offset, bytes: block.bytes.length, firstRow: block.firstRow, rows: block.rows };
    offset += block.bytes.length;
    port.postMessage({ place, keptColumns } satisfies ReadProgress);
  };
  try {
    for await (const batch of source.batches) {
      for (const row of batch) if (++rows > task.skipRows) write(builder.add(row));
    }
    write(builder.flush());
  } finally {
    closeSync(file);
  }
  if (rows < task.skipRows)
    throw new IdiomError("DATASET_INVALID", `the input has ${rows} rows, and had ${task.skipRows} before: it was changed while the job ran`);
  return { rows, keptColumns };
}

function openRows(file: Readable, { format, compression }: FileFormat): RowSource | Promise<RowSource> {
  switch (format) {
    case "csv":
      return csvRows(utf8Only(readBytes(file, compression)));
    case "jsonl":
      return jsonlRows(utf8Only(readBytes(file, compression)));
  }
}

function checkColumns({ columns }: RowSource, { inputs, keep, model }: ReadTask): readonly string[] | null {
  if (columns === null) return keep === "all" ? null : keep;
  const lacking = inputs.filter(({ name }) => !columns.includes(name)).map(({ name }) => `'${name}'`);
  const has = `it has ${columns.map((name) => `'${name}'`).join(", ")}`;
  if (lacking.length > 0) throw new IdiomError("DATASET_INVALID", `the input has no column ${lacking.join(", ")}, which model '${model}' needs; ${has}`);
  const unkept = keep === "all" ? [] : keep.filter((name) => !columns.includes(name));
  if (unkept.length > 0) throw new IdiomError("DATASET_INVALID", `the input has no column ${unkept.map((name) => `'${name}'`).join(", ")} to keep; ${has}`);
  return keep === "all" ? columns : keep;
}
