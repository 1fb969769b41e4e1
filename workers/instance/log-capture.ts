// What a model prints or says, line by line, to the log; bounded, so that a flood costs neither memory nor the disk.
import type { Readable } from "node:stream";

const MAX_LINE_LENGTH = 8 * 1024;
/** What the log adds to each line: its time, model and instance. */
const ADDED_BYTES = 256;
const BURST_BYTES = 4 * 1024 * 1024;
const REFILL_BYTES_PER_SECOND = 256 * 1024;
/** After a line that there was no room for, so long all are dropped unseen, and each chunk is waited for: reading is work as well. */
const FLOOD_MS = 250;
const CHUNK_EVERY_MS = 10;
const LINE_FEED = 10;

/**
 * Lines that are too long are cut; beyond a burst of 4 MiB and 256 KiB/s, as they stand in the log, they are dropped, and `onDropped` tells how many once
 * there is room again.
 */
export class LineLimit {
  readonly #onDropped: (lines: number) => void;
  readonly #bucket = new TokenBucket();
  #dropped = 0;
  #floodsUntil = Number.NEGATIVE_INFINITY;

  constructor(onDropped: (lines: number) => void) {
    this.#onDropped = onDropped;
  }

  /** What of a line goes to the log; null: nothing. */
  take(line: string): string | null {
    const cut = line.length > MAX_LINE_LENGTH ? `${line.slice(0, MAX_LINE_LENGTH)} [cut]` : line;
    if (!this.#bucket.take(Buffer.byteLength(JSON.stringify(cut)) + ADDED_BYTES)) {
      this.drop(1);
      this.#floodsUntil = performance.now() + FLOOD_MS;
      return null;
    }
    this.tellDropped();
    return cut;
  }

  /** Drops lines unseen. */
  drop(lines: number): void {
    this.#dropped += lines;
  }

  /** There was no room for a line a moment ago. */
  get floods(): boolean {
    return performance.now() < this.#floodsUntil;
  }

  tellDropped(): void {
    if (this.#dropped > 0) this.#onDropped(this.#dropped);
    this.#dropped = 0;
  }
}

/** Reads `stream` to its end and calls `onLine` for each line that `LineLimit` lets through. */
export function captureLines(stream: Readable, onLine: (line: string) => void, onDropped: (lines: number) => void): void {
  const limit = new LineLimit(onDropped);
  const decoder = new TextDecoder();
  let rest = "";
  /** The line that `rest` continues was cut already: no more of it is logged. */
  let cutAlready = false;
  const emit = (line: string): void => {
    const kept = limit.take(line);
    if (kept !== null) onLine(kept);
  };
  const take = (text: string): void => {
    const lines = (rest + text).split("\n");
    rest = lines.pop() ?? "";
    for (const line of lines) {
      if (!cutAlready) emit(line.replace(/\r$/, ""));
      cutAlready = false;
    }
    if (rest.length <= MAX_LINE_LENGTH) return;
    if (!cutAlready) emit(rest);
    cutAlready = true;
    rest = "";
  };
  const skip = (chunk: Buffer): void => {
    decoder.decode();
    rest = "";
    cutAlready = chunk.at(-1) !== LINE_FEED;
    limit.drop(lineFeedsIn(chunk));
  };
  stream.on("data", (chunk: Buffer) => {
    if (limit.floods) skip(chunk);
    else take(decoder.decode(chunk, { stream: true }));
    if (!limit.floods) return;
    stream.pause();
    setTimeout(() => stream.resume(), CHUNK_EVERY_MS);
  });
  stream.on("end", () => {
    take(decoder.decode());
    if (rest !== "" && !cutAlready) emit(rest);
    limit.tellDropped();
  });
  stream.on("error", () => stream.destroy());
}

function lineFeedsIn(chunk: Buffer): number {
  let count = 0;
  for (let i = 0; i < chunk.length; i++) if (chunk[i] === LINE_FEED) count++;
  return count;
}

class TokenBucket {
  #tokens = BURST_BYTES;
  #filledAt = performance.now();

  take(amount: number): boolean {
    const now = performance.now();
    this.#tokens = Math.min(BURST_BYTES, this.#tokens + ((now - this.#filledAt) / 1000) * REFILL_BYTES_PER_SECOND);
    this.#filledAt = now;
    if (this.#tokens < amount) return false;
    this.#tokens -= amount;
    return true;
  }
}
