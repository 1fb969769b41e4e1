// A stream as lines that a test can wait for.
import { createInterface } from "node:readline";
import type { Readable } from "node:stream";

interface Waiter {
  readonly take: (line: string) => boolean;
  readonly ended: () => void;
}

export class Lines {
  readonly #seen: string[] = [];
  readonly #waiters = new Set<Waiter>();
  #ended = false;

  constructor(stream: Readable) {
    const lines = createInterface({ input: stream });
    lines.on("line", (line) => {
      this.#seen.push(line);
      for (const waiter of this.#waiters) if (waiter.take(line)) this.#waiters.delete(waiter);
    });
    lines.on("close", () => {
      this.#ended = true;
      for (const waiter of this.#waiters) waiter.ended();
    });
  }

  /** Everything so far. */
  get text(): string {
    return this.#seen.join("\n");
  }

  /** How many lines have come so far; a place for `since`. */
  get count(): number {
    return this.#seen.length;
  }

  /** Resolves with what `pick` makes of the first line, from the line `since` on, for which it is not null. Rejects when the stream ends first. */
  first<T>(pick: (line: string) => T | null, since = 0): Promise<T> {
    for (const line of this.#seen.slice(since)) {
      const picked = pick(line);
      if (picked !== null) return Promise.resolve(picked);
    }
    return new Promise((resolve, reject) => {
      const ended = (): void => reject(new Error(`the stream ended without the awaited line; it said:\n${this.text}`));
      if (this.#ended) return ended();
      const take = (line: string): boolean => {
        const picked = pick(line);
        if (picked !== null) resolve(picked);
        return picked !== null;
      };
      this.#waiters.add({ take, ended });
    });
  }
}
