// Writes what a chunk came to: its part of the output, and its failed rows. Runs in a thread.
import { closeSync, fsyncSync, openSync, readSync, writeSync } from "node:fs";
import { setPriority } from "node:os";
import { join } from "node:path";
import { gzipSync, zstdCompressSync } from "node:zlib";
import type { Column } from "../core/column.ts";
import { IdiomError } from "../core/errors.ts";
import { type Compression, isText } from "../core/job.ts";
import { type JsonValue, parseJsonExact, stringifyExact } from "../core/json-tensor.ts";
import type { Tensor } from "../core/tensor.ts";
import { Block, type BlockPlace } from "./block.ts";
import { shownValue, unspooledValue } from "./column-value.ts";
import type { FileFormat } from "./formats.ts";
import { tableSlices } from "./table-part.ts";
import { csvLine, jsonLine, type RowReader, rowReader } from "./text-output.ts";

/** A row that the model failed. `place` counts the rows of its block that are not broken. */
export interface FailedRow {
  readonly place: number;
  readonly code: string;
  readonly cause: string;
}

/** What the model answered for the places [from, to) of a block, without those that failed. */
export interface BlockAnswer {
  readonly block: BlockPlace;
  /** Source rows [fromRow, toRow) are the chunk's. */
  readonly fromRow: number;
  readonly toRow: number;
  readonly failed: readonly FailedRow[];
  /** `rows`: one tensor per output for all rows. `calls`: the tensors of each row's own call. */
  readonly outputs: { readonly kind: "rows"; readonly tensors: readonly Tensor[] } | { readonly kind: "calls"; readonly calls: readonly (readonly Tensor[])[] };
}

export interface WriteTask {
  readonly folder: string;
  /** Names of the files to write. */
  readonly part: string;
  readonly errors: string;
  readonly format: FileFormat;
  /** Names of the inputs and outputs, and of the kept columns; null: kept rows have names of their own. */
  readonly inputNames: readonly string[];
  readonly outputNames: readonly string[];
  readonly keptColumns: readonly Column[] | null;
  readonly answers: readonly BlockAnswer[];
}

export interface WriteResult {
  /** Of the part. */
  readonly bytes: number;
  readonly failedRows: number;
  readonly failedByModel: number;
}

const NICE = 10;
/** Text that is held before it is written. What is held for longer is copied by each collection of garbage. */
const PIECE_CHARACTERS = 2 ** 18;

export function writeChunk(task: WriteTask): WriteResult {
  setPriority(NICE);
  const part = new PieceFile(join(task.folder, task.part), task.format.compression);
  const errors = new PieceFile(join(task.folder, task.errors), "none");
  let failedRows = 0;
  let failedByModel = 0;
  try {
    for (const answer of task.answers) {
      const block = readBlock(task.folder, answer.block);
      if (isText(task.format.format)) appendRows(part, block, answer, task);
      else for (const slice of tableSlices(block, answer)) part.write(slice);
      const failures = failuresOf(block, answer, task.inputNames);
      for (const failure of failures) errors.add(failure);
      failedRows += failures.length;
      failedByModel += answer.failed.length;
    }
  } finally {
    part.close();
    errors.close();
  }
  return { bytes: part.bytes, failedRows, failedByModel };
}

/** A file that is written piece by piece, each compressed by itself. */
class PieceFile {
  bytes = 0;
  readonly #file: number;
  readonly #compression: Compression;
  #text = "";

  constructor(path: string, compression: Compression) {
    this.#file = openSync(path, "w", 0o600);
    this.#compression = compression;
  }

  add(line: string): void {
    this.#text += line;
    if (this.#text.length >= PIECE_CHARACTERS) this.#flush();
  }

  /** It is on the disk then: what the ledger is told of outlives the machine's power. */
  close(): void {
    this.#flush();
    if (this.bytes > 0) fsyncSync(this.#file);
    closeSync(this.#file);
  }

  #flush(): void {
    const text = this.#text;
    this.#text = "";
    this.write(Buffer.from(compressed(text, this.#compression)));
  }

  /** A piece as it is. */
  write(piece: Uint8Array): void {
    for (let at = 0; at < piece.length; ) at += writeSync(this.#file, piece, at);
    this.bytes += piece.length;
  }
}

/** Pieces one after the other are a file of the same compression. */
export function compressed(text: string, compression: Compression): string | Buffer {
  if (compression === "none" || text === "") return text;
  return compression === "gzip" ? gzipSync(text) : zstdCompressSync(text);
}

function readBlock(folder: string, { file, offset, bytes }: BlockPlace): Block {
  const descriptor = openSync(join(folder, file), "r");
  try {
    const buffer = Buffer.alloc(bytes);
    if (readSync(descriptor, buffer, 0, bytes, offset) !== bytes) throw new IdiomError("INTERNAL", `${file} of the job is shorter than it was`);
    return new Block(buffer);
  } finally {
    closeSync(descriptor);
  }
}

function appendRows(part: PieceFile, block: Block, answer: BlockAnswer, task: WriteTask): void {
  const { from, to } = block.places(answer.fromRow, answer.toRow);
  const failed = new Set(answer.failed.map(({ place }) => place));
  const kept = block.keptRows();
  const valuesOf = outputValues(answer);
  const names = task.outputNames.map((name) => JSON.stringify(name));
  let answered = 0;
  for (let place = from; place < to; place++) {
    if (failed.has(place)) continue;
    const values = valuesOf(answered++);
    const cells = kept[place];
    if (task.format.format === "csv") part.add(csvLine(cells === undefined ? values : [...keptCells(cells, task.keptColumns), ...values]));
    else part.add(jsonLine(names, values, cells === undefined ? "" : keptMembers(cells, task.keptColumns)));
  }
}

function outputValues({ outputs }: BlockAnswer): (row: number) => JsonValue[] {
  if (outputs.kind === "calls") return (row) => (outputs.calls[row] as readonly Tensor[]).map((tensor) => rowReader(tensor, null)(0));
  const readers: RowReader[] = outputs.tensors.map((tensor) => rowReader(tensor, tensor.shape[0] as number));
  return (row) => readers.map((read) => read(row));
}

function keptCells(json: Uint8Array, columns: readonly Column[] | null): JsonValue[] {
  const kept = parseKept(json);
  return Array.isArray(kept) ? kept.map((value, i) => keptValue(value, columns?.[i])) : Object.values(kept);
}

function keptValue(value: JsonValue, column: Column | undefined): JsonValue {
  return column === undefined ? value : shownValue(column.type, unspooledValue(column.type, value));
}

function parseKept(json: Uint8Array): JsonValue[] | Record<string, JsonValue> {
  return parseJsonExact(Buffer.from(json.buffer, json.byteOffset, json.byteLength).toString("utf8")) as JsonValue[] | Record<string, JsonValue>;
}

function keptMembers(json: Uint8Array, columns: readonly Column[] | null): string {
  const kept = parseKept(json);
  const members = Array.isArray(kept) ? kept.map((value, i) => [columns?.[i]?.name ?? "", keptValue(value, columns?.[i])] as const) : Object.entries(kept);
  return members.map(([name, value]) => `${JSON.stringify(name)}:${stringifyExact(value)},`).join("");
}

/** In the order of the rows, counted from 1. */
function failuresOf(block: Block, { fromRow, toRow, failed }: BlockAnswer, inputNames: readonly string[]): string[] {
  const broken = block.broken
    .filter(({ row }) => row >= fromRow && row < toRow)
    .map(({ row, cause, data }) => ({ row: row + 1, code: "DATASET_INVALID", cause, data }));
  const byModel = failed.map(({ place, code, cause }) => ({
    row: block.sourceRow(place) + 1,
    code,
    cause,
    data: rowData(block, place, inputNames),
  }));
  return [...broken, ...byModel].sort((a, b) => a.row - b.row).map((failure) => `${stringifyExact(failure)}\n`);
}

function rowData(block: Block, place: number, inputNames: readonly string[]): object {
  const tensors = block.tensors(place, place + 1, (rowShape) => [1, ...rowShape]);
  return Object.fromEntries(tensors.map((tensor, i) => [inputNames[i], rowReader(tensor, 1)(0)]));
}
