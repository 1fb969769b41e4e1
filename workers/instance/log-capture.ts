// What a model prints, line by line, to the log; bounded, so that a flood costs neither memory nor the disk.
import type { Readable } from "node:stream";

const MAX_LINE_LENGTH = 8 * 1024;
const BURST_BYTES = 1024 * 1024;
const REFILL_BYTES_PER_SECOND = 256 * 1024;

/**
 * Reads `stream` to its end and calls `onLine` for each line. Longer lines are cut; beyond a burst of 1 MiB and 256 KiB/s lines
 * are dropped, and `onDropped` tells how many once there is room again.
 */
export function captureLines(stream: Readable, onLine: (line: string) => void, onDropped: (lines: number) => void): void {
  const bucket = new TokenBucket();
  const decoder = new TextDecoder();
  let rest = "";
  /** The line that `rest` continues was cut already: no more of it is logged. */
  let cutAlready = false;
  let dropped = 0;
  const emit = (line: string): void => {
    const cut = line.length > MAX_LINE_LENGTH ? `${line.slice(0, MAX_LINE_LENGTH)} [cut]` : line;
    if (!bucket.take(cut.length)) {
      dropped++;
      return;
    }
    if (dropped > 0) onDropped(dropped);
    dropped = 0;
    onLine(cut);
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
  stream.on("data", (chunk: Buffer) => take(decoder.decode(chunk, { stream: true })));
  stream.on("end", () => {
    take(decoder.decode());
    if (rest !== "" && !cutAlready) emit(rest);
    if (dropped > 0) onDropped(dropped);
  });
  stream.on("error", () => stream.destroy());
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
