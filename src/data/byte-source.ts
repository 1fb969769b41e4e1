// The bytes of a dataset, decompressed on the way, with an end to what a small file may grow to.
import { isUtf8 } from "node:buffer";
import { pipeline, type Readable } from "node:stream";
import { createGunzip, createZstdDecompress, type ZstdDecompress } from "node:zlib";
import { IdiomError } from "../core/errors.ts";
import type { Compression } from "../core/job.ts";

const READ_BYTES = 2 ** 18;
/** Tables shrink to a tenth or a fiftieth; only what was made to burst shrinks to less than this. */
const MAX_EXPANSION = 200;
/** Up to here nothing is a bomb, however it was packed. */
export const HARMLESS_BYTES = 2 ** 28;

/** Takes over `file`. @throws IdiomError DATASET_INVALID, also between two pieces: the file is torn, a bomb, or cannot be read. */
export async function* readBytes(file: Readable, compression: Compression): AsyncGenerator<Buffer, void, void> {
  let packed = 0;
  let total = 0;
  const counted = async function* (): AsyncGenerator<Buffer, void, void> {
    for await (const piece of file as AsyncIterable<Buffer>) {
      packed += piece.length;
      yield piece;
    }
  };
  try {
    for await (const bytes of unpacked(counted(), compression)) {
      total += bytes.length;
      if (compression !== "none" && total > HARMLESS_BYTES && total > MAX_EXPANSION * packed)
        throw new IdiomError(
          "DATASET_INVALID",
          `${packed} bytes of ${compression} have become more than ${total}: that is no table but a decompression bomb; unpack it yourself if it is one`,
        );
      yield bytes;
    }
  } catch (error) {
    if (error instanceof IdiomError) throw error;
    throw new IdiomError(
      "DATASET_INVALID",
      `the ${compression === "none" ? "file" : `${compression} file`} cannot be read to its end: ${(error as Error).message}`,
    );
  } finally {
    file.destroy();
  }
}

function unpacked(file: AsyncIterable<Buffer>, compression: Compression): AsyncIterable<Buffer> {
  switch (compression) {
    case "none":
      return file;
    case "gzip":
      // Errors come out of the iteration.
      return pipeline(file, createGunzip({ chunkSize: READ_BYTES }), () => {});
    case "zstd":
      return unpackedFrames(file);
  }
}

/** A decompressor ends with a frame that ends within what it was given; a file may hold many. */
async function* unpackedFrames(file: AsyncIterable<Buffer>): AsyncGenerator<Buffer, void, void> {
  const pieces = file[Symbol.asyncIterator]();
  let rest: Buffer | null = Buffer.alloc(0);
  while (rest !== null) {
    const unpack = createZstdDecompress({ chunkSize: READ_BYTES });
    const fed: Promise<Buffer | null> = feed(unpack, rest, pieces);
    fed.catch((error: Error) => unpack.destroy(error));
    yield* unpack as AsyncIterable<Buffer>;
    rest = await fed;
  }
}

/** What is left when the decompressor has ended; null: nothing is. */
async function feed(unpack: ZstdDecompress, first: Buffer, more: AsyncIterator<Buffer>): Promise<Buffer | null> {
  let bytes = first;
  while (true) {
    const before = unpack.bytesWritten;
    if (bytes.length > 0) await new Promise<void>((resolve, reject) => unpack.write(bytes, (error) => (error ? reject(error) : resolve())));
    const taken = unpack.bytesWritten - before;
    if (taken < bytes.length) return bytes.subarray(taken);
    const next = await more.next();
    if (next.done === true) break;
    bytes = next.value;
  }
  unpack.end();
  return null;
}

/** The same bytes, in pieces that begin and end between characters. @throws IdiomError DATASET_INVALID where they are no UTF-8. */
export async function* utf8Only(source: AsyncIterable<Buffer>): AsyncGenerator<Buffer, void, void> {
  let carried: Buffer = Buffer.alloc(0);
  let at = 0;
  for await (const piece of source) {
    const bytes = carried.length === 0 ? piece : Buffer.concat([carried, piece]);
    const end = wholeCharacters(bytes);
    const whole = bytes.subarray(0, end);
    if (!isUtf8(whole)) throw notUtf8(at);
    if (whole.includes(0)) throw new IdiomError("DATASET_INVALID", `there are NUL bytes behind byte ${at}: it is UTF-16 or no text at all; save it as UTF-8`);
    if (whole.length > 0) yield whole;
    carried = bytes.subarray(end);
    at += end;
  }
  if (carried.length > 0) throw notUtf8(at);
}

function notUtf8(at: number): IdiomError {
  return new IdiomError("DATASET_INVALID", `the text is no UTF-8 (behind byte ${at}); save it as UTF-8`);
}

/** Where the last character begins, if its end is still to come; else the length. */
function wholeCharacters(bytes: Buffer): number {
  for (let back = 1; back <= 3 && back <= bytes.length; back++) {
    const byte = bytes[bytes.length - back] as number;
    if ((byte & 0xc0) === 0x80) continue;
    const length = byte >= 0xf0 ? 4 : byte >= 0xe0 ? 3 : byte >= 0xc0 ? 2 : 1;
    return length > back ? bytes.length - back : bytes.length;
  }
  return bytes.length;
}
