// Where the bytes of a dataset come from and where they go to: a file of this machine, or an object of S3. Whoever reads or writes knows no more.
import {
  closeSync,
  constants,
  createReadStream,
  createWriteStream,
  fsyncSync,
  openSync,
  readlinkSync,
  renameSync,
  rmSync,
  writeFileSync,
  writeSync,
} from "node:fs";
import { readdir, readFile, rm } from "node:fs/promises";
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
  /** Number of the job's holder: nor do two holders of one, when the first has not noticed yet that it is none any more. */
  readonly fence: number;
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
/** In a job's folder, with the number of a holder behind it: that this one has begun to write. It holds the id of an upload, or nothing. */
const UNFINISHED = "unfinished-";

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
  const begun = (id: string): void => writeFileSync(join(target.folder, `${UNFINISHED}${target.fence}`), id);
  if (isS3(target.path)) return new S3Upload(clientOf(s3), parseS3(target.path), bytes, begun);
  begun("");
  return new FileWriter(target);
}

/** Ends what this holder, or one before it, has begun at this target and not published. What a later one writes is left to that one. */
export async function discard(target: Target, s3: S3Settings | null): Promise<void> {
  const names = (await ifThere(readdir(target.folder))) ?? [];
  for (const name of names.filter((name) => name.startsWith(UNFINISHED))) {
    const fence = Number(name.slice(UNFINISHED.length));
    if (fence > target.fence) continue;
    const file = join(target.folder, name);
    if (isS3(target.path)) {
      const id = await ifThere(readFile(file, "utf8"));
      if (id) await endUpload(clientOf(s3), parseS3(target.path), id);
    } else await rm(join(dirname(target.path), unfinishedName({ ...target, fence })), { force: true });
    await rm(file, { force: true });
  }
}

function openFile(path: string): number {
  return openStill(path, path, constants.O_NOFOLLOW);
}

/**
 * Opens `path`: what was named, or its folder. What lay below a root when it was named is no link now, and no folder on its way is.
 * @throws IdiomError DATASET_INVALID
 */
function openStill(path: string, named: string, flags: number): number {
  let file: number;
  try {
    file = openSync(path, constants.O_RDONLY | flags);
  } catch (error) {
    throw new IdiomError("DATASET_INVALID", `${named} cannot be opened: ${(error as NodeJS.ErrnoException).code}`);
  }
  if (liesAt(file, path)) return file;
  closeSync(file);
  throw replaced(named);
}

/** Whether what is open lies at this path, without a link. */
function liesAt(file: number, path: string): boolean {
  return readlinkSync(`/proc/self/fd/${file}`) === path;
}

function replaced(path: string): IdiomError {
  return new IdiomError("DATASET_INVALID", `${path}: a folder on the way to it is another one than when it was named`);
}

class FileWriter implements TargetWriter {
  readonly #path: string;
  /** It is held open, and all is done in it: whatever takes its place, nothing is written there. */
  readonly #folder: number;
  readonly #unfinished: string;
  readonly #file: number;

  constructor(target: Target) {
    this.#path = target.path;
    this.#folder = openStill(dirname(target.path), target.path, constants.O_DIRECTORY);
    this.#unfinished = this.#inFolder(unfinishedName(target));
    try {
      // Never through a link that somebody has laid there.
      rmSync(this.#unfinished, { force: true });
      this.#file = openSync(this.#unfinished, "wx", 0o644);
    } catch (error) {
      closeSync(this.#folder);
      throw this.#failed(error);
    }
  }

  async write(bytes: Uint8Array): Promise<void> {
    for (let at = 0; at < bytes.length; ) at += writeSync(this.#file, bytes, at);
  }

  async publish(): Promise<void> {
    fsyncSync(this.#file);
    if (!liesAt(this.#folder, dirname(this.#path))) {
      rmSync(this.#unfinished, { force: true });
      throw replaced(this.#path);
    }
    try {
      renameSync(this.#unfinished, this.#inFolder(basename(this.#path)));
    } catch (error) {
      throw this.#failed(error);
    }
  }

  close(): void {
    closeSync(this.#file);
    closeSync(this.#folder);
  }

  #inFolder(name: string): string {
    return `/proc/self/fd/${this.#folder}/${name}`;
  }

  /** With the path that was named, not with ours. */
  #failed(error: unknown): IdiomError {
    return new IdiomError("DATASET_INVALID", `the output ${this.#path} cannot be written: ${(error as NodeJS.ErrnoException).code}`);
  }
}

function unfinishedName({ path, job, fence }: Target): string {
  return `.${basename(path)}.${job}.${fence}`;
}

/** Null: another holder has removed it meanwhile. */
async function ifThere<Content>(read: Promise<Content>): Promise<Content | null> {
  try {
    return await read;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return null;
    throw error;
  }
}

function clientOf(s3: S3Settings | null): S3Client {
  if (s3 === null) throw new IdiomError("STORAGE_REFUSED", "this server has no root in S3 any more (IDIOM_BATCH_ROOTS)");
  return new S3Client(s3, PATIENCE_MS);
}
