// Joins the parts of an output in the order of the rows, and puts the whole in its place in one step. Runs in a thread.
import { closeSync, fsyncSync, openSync, readSync, renameSync, rmSync, writeSync } from "node:fs";
import { setPriority } from "node:os";
import { basename, dirname, join } from "node:path";
import { IdiomError } from "../core/errors.ts";
import type { FileFormat } from "./formats.ts";
import { csvLine } from "./text-output.ts";
import { compressed } from "./write-task.ts";

export interface JoinTask {
  readonly job: string;
  readonly folder: string;
  readonly format: FileFormat;
  /** Of the output. */
  readonly columns: readonly string[];
  /** Names of the parts, in order. */
  readonly parts: readonly string[];
  /** Where the whole goes. */
  readonly target: string;
}

const NICE = 10;
const COPY_BYTES = 2 ** 20;

/** Running it again gives the same file. @throws IdiomError DATASET_INVALID when the target cannot be written. */
export function joinParts({ job, folder, format, columns, parts, target }: JoinTask): void {
  setPriority(NICE);
  const unfinished = join(dirname(target), `.${basename(target)}.${job}`);
  try {
    const file = openSync(unfinished, "w", 0o644);
    try {
      if (format.format === "csv") writeSync(file, Buffer.from(compressed(csvLine(columns), format.compression)));
      for (const part of parts) append(file, join(folder, part));
      fsyncSync(file);
    } finally {
      closeSync(file);
    }
    renameSync(unfinished, target);
  } catch (error) {
    rmSync(unfinished, { force: true });
    throw new IdiomError("DATASET_INVALID", `the output ${target} cannot be written: ${(error as Error).message}`);
  }
}

function append(file: number, part: string): void {
  const from = openSync(part, "r");
  const buffer = Buffer.allocUnsafe(COPY_BYTES);
  try {
    for (let length = readSync(from, buffer); length > 0; length = readSync(from, buffer)) writeSync(file, buffer, 0, length);
  } finally {
    closeSync(from);
  }
}
