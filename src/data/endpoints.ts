// Where the bytes of a dataset come from and where they go to: a file of this machine, or an object of S3. Whoever reads or writes knows no more.
import {
  closeSync,
  constants,
  createReadStream,
  createWriteStream,
  fsyncSync,
  openSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
  writeSync,
} from "node:fs";
import { basename, dirname, join } from "node:path";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { IdiomError } from "../core/errors.ts";
import { isS3, parseS3, type S3Settings } from "./s3/address.ts";
import { S3Client } from "./s3/client.ts";
import { bytesOfObject } from "./s3/object.ts";
import { endUpload, S3Upload } from "./s3/upload.ts";

export interface Source {
  /** Of a file, or `s3://bucket/key`. */
  readonly path: string;
  /** Of the object, when it was named; any other content is an error. Null: a file, or whatever is there. */
  readonly tag: string | null;
}

export interface Target {
  /** Of a file, or `s3://bucket/key`. */
  readonly path: string;
  /** Whose output it is: two jobs do not get into each other's way. */
  readonly job: string;
  /** Of the job. */
  readonly folder: string;
}

/** Nothing is at the target before `publish`, and then all that was written. */
export interface TargetWriter {
  write(bytes: Uint8Array): Promise<void>;
  publish(): Promise<void>;
  /** After `publish`, or without; what was not published is left for `discard`. */
  close(): void;
}

const READ_BYTES = 2 ** 18;
/** A store that is away for longer fails the job; it can be retried. */
const PATIENCE_MS = 60_000;
/** Holds the id of an upload that is to be ended, in a job's folder. */
const UNFINISHED = "unfinished-upload";

/** @throws IdiomError STORAGE_UNAVAILABLE, STORAGE_REFUSED, DATASET_INVALID, also between two pieces */
export function openSource({ path, tag }: Source, s3: S3Settings | null): Readable {
  if (!isS3(path)) return createReadStream(path, { fd: openFile(path), highWaterMark: READ_BYTES });
  return Readable.from(bytesOfObject(clientOf(s3), parseS3(path), tag), { highWaterMark: 1 });
}

/** Opens a file to be read at many places. An object is copied to `copy` for that, which is gone from its folder once it is open. @throws as above */
export async function openLocally(source: Source, s3: S3Settings | null, copy: string): Promise<number> {
  if (!isS3(source.path)) return openFile(source.path);
  try {
    await pipeline(openSource(source, s3), createWriteStream(copy, { mode: 0o600 }));
    return openFile(copy);
  } finally {
    rmSync(copy, { force: true });
  }
}

/** `bytes`: how many will come, roughly. What an earlier attempt has left is ended. @throws as above, so do the methods of what it returns. */
export async function openTarget(target: Target, s3: S3Settings | null, bytes: number): Promise<TargetWriter> {
  await discard(target, s3);
  if (!isS3(target.path)) return new FileWriter(target);
  const begun = (id: string): void => writeFileSync(join(target.folder, UNFINISHED), id);
  return new S3Upload(clientOf(s3), parseS3(target.path), bytes, begun);
}

/** Ends what was begun at this target and not published. */
export async function discard(target: Target, s3: S3Settings | null): Promise<void> {
  if (!isS3(target.path)) return rmSync(unfinishedFile(target), { force: true });
  const file = join(target.folder, UNFINISHED);
  const id = readIfThere(file);
  if (id !== null) await endUpload(clientOf(s3), parseS3(target.path), id);
  rmSync(file, { force: true });
}

/** What was a file below a root when it was named is no link now. @throws IdiomError DATASET_INVALID */
function openFile(path: string): number {
  try {
    return openSync(path, constants.O_RDONLY | constants.O_NOFOLLOW);
  } catch (error) {
    throw new IdiomError("DATASET_INVALID", `${path} cannot be opened: ${(error as NodeJS.ErrnoException).code}`);
  }
}

class FileWriter implements TargetWriter {
  readonly #target: Target;
  readonly #file: number;

  constructor(target: Target) {
    this.#target = target;
    // Never through a link that somebody has laid there.
    this.#file = openSync(unfinishedFile(target), "wx", 0o644);
  }

  async write(bytes: Uint8Array): Promise<void> {
    for (let at = 0; at < bytes.length; ) at += writeSync(this.#file, bytes, at);
  }

  async publish(): Promise<void> {
    fsyncSync(this.#file);
    renameSync(unfinishedFile(this.#target), this.#target.path);
  }

  close(): void {
    closeSync(this.#file);
  }
}

function unfinishedFile({ path, job }: Target): string {
  return join(dirname(path), `.${basename(path)}.${job}`);
}

function readIfThere(file: string): string | null {
  try {
    return readFileSync(file, "utf8");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return null;
    throw error;
  }
}

function clientOf(s3: S3Settings | null): S3Client {
  if (s3 === null) throw new IdiomError("STORAGE_REFUSED", "this server has no root in S3 any more (IDIOM_BATCH_ROOTS)");
  return new S3Client(s3, PATIENCE_MS);
}
