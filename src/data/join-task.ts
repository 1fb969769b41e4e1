// Joins the parts of an output in the order of the rows, and puts the whole in its place in one step. Runs in a thread.
import { closeSync, openSync, readSync, statSync } from "node:fs";
import { setPriority } from "node:os";
import { join } from "node:path";
import type { Column } from "../core/column.ts";
import { IdiomError } from "../core/errors.ts";
import { isText } from "../core/job.ts";
import type { TensorSpec } from "../core/signature.ts";
import { discard, openTarget, type Target, type TargetWriter } from "./endpoints.ts";
import type { FileFormat } from "./formats.ts";
import type { S3Settings } from "./s3/address.ts";
import { csvLine } from "./text-output.ts";
import { compressed } from "./write-task.ts";

export interface JoinTask {
  readonly format: FileFormat;
  /** Columns of the output: those that were kept, then the model's own. */
  readonly kept: readonly Column[];
  readonly outputs: readonly TensorSpec[];
  /** Whether a call of the model has rows of its own. */
  readonly merged: boolean;
  /** Names of the parts, in order. */
  readonly parts: readonly string[];
  /** Where the whole goes. */
  readonly target: Target;
}

const NICE = 10;
const COPY_BYTES = 2 ** 20;

/** Running it again gives the same. @throws IdiomError DATASET_INVALID when the target cannot be written, STORAGE_UNAVAILABLE, STORAGE_REFUSED */
export async function joinParts({ task, s3 }: { readonly task: JoinTask; readonly s3: S3Settings | null }): Promise<void> {
  setPriority(NICE);
  const { format, target } = task;
  const parts = task.parts.map((part) => join(target.folder, part));
  try {
    const writer = await openTarget(
      target,
      s3,
      parts.reduce((sum, part) => sum + statSync(part).size, 0),
    );
    try {
      if (isText(format.format)) await joinText(writer, task, parts);
      else for await (const bytes of (await import("./table-join.ts")).joinedTable(task, parts)) await writer.write(bytes);
      await writer.publish();
    } finally {
      writer.close();
    }
  } catch (error) {
    // What cannot be ended now is ended by the next attempt, or with the job.
    await discard(target, s3).catch(() => {});
    if (error instanceof IdiomError) throw error;
    throw new IdiomError("DATASET_INVALID", `the output ${target.path} cannot be written: ${(error as Error).message}`);
  }
}

async function joinText(writer: TargetWriter, { format, kept, outputs }: JoinTask, parts: readonly string[]): Promise<void> {
  const names = [...kept, ...outputs].map(({ name }) => name);
  if (format.format === "csv") await writer.write(Buffer.from(compressed(csvLine(names), format.compression)));
  for (const part of parts) await append(writer, part);
}

async function append(writer: TargetWriter, part: string): Promise<void> {
  const from = openSync(part, "r");
  const buffer = Buffer.allocUnsafe(COPY_BYTES);
  try {
    for (let length = readSync(from, buffer); length > 0; length = readSync(from, buffer)) await writer.write(buffer.subarray(0, length));
  } finally {
    closeSync(from);
  }
}
