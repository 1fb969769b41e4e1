// A file that is read at places that it names itself: whatever it says, no read leaves it, and no more is held than a thread may hold.
import { closeSync, fstatSync, readSync } from "node:fs";
import { IdiomError } from "../core/errors.ts";

/** Of one file at a time, unpacked. */
const MAX_HELD_BYTES = 256 * 2 ** 20;

export class BinaryFile {
  readonly bytes: number;
  /** For errors: "Parquet". */
  readonly format: string;
  readonly #file: number;
  #held = 0;

  /** `file`: its descriptor, which is closed with this. */
  constructor(file: number, format: string) {
    this.format = format;
    this.#file = file;
    this.bytes = fstatSync(this.#file).size;
  }

  /** The bytes [from, to), in a buffer of their own. @throws IdiomError DATASET_INVALID when they are not all there. */
  read(from: number, to: number): Buffer {
    if (!(from >= 0 && from <= to && to <= this.bytes)) throw this.broken(`it names the bytes ${from} to ${to}, and has ${this.bytes}: it is torn or damaged`);
    const buffer = Buffer.allocUnsafeSlow(to - from);
    for (let at = 0; at < buffer.length; ) {
      const length = readSync(this.#file, buffer, at, buffer.length - at, from + at);
      if (length === 0) throw this.broken("it has become shorter while it was read");
      at += length;
    }
    return buffer;
  }

  /** Accounts for bytes that are about to be held. @throws IdiomError DATASET_INVALID when they are too many; `instead` says what to do. */
  hold(bytes: number, instead: string): void {
    this.#held += bytes;
    if (this.#held <= MAX_HELD_BYTES) return;
    throw new IdiomError("DATASET_INVALID", `the ${this.format} file needs more than ${MAX_HELD_BYTES / 2 ** 20} MiB of memory at a time; ${instead}`);
  }

  release(bytes: number): void {
    this.#held -= bytes;
  }

  close(): void {
    closeSync(this.#file);
  }

  broken(what: string): IdiomError {
    return new IdiomError("DATASET_INVALID", `the ${this.format} file cannot be read: ${what}`);
  }

  /** Runs what a library does with some bytes of the file: whatever it throws, they are damaged. */
  guard<Result>(bytes: string, work: () => Result): Result {
    try {
      return work();
    } catch (error) {
      throw error instanceof IdiomError ? error : this.broken(`${bytes} is damaged (${(error as Error).message})`);
    }
  }
}

/** Looks at a file that is open, and closes it when `look` throws. */
export function openBinary<Opened>(descriptor: number, format: string, look: (file: BinaryFile) => Opened): Opened {
  const file = new BinaryFile(descriptor, format);
  try {
    return look(file);
  } catch (error) {
    file.close();
    throw error;
  }
}
