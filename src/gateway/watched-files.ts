// Files that are read again when they change, without a restart.
import { statSync } from "node:fs";

const LOOK_AGAIN_MS = 1000;

export class WatchedFiles {
  readonly #paths: readonly string[];
  #seen: string;
  #reported: string | null = null;
  #timer: NodeJS.Timeout | null = null;

  /** Remembers how they are now: whoever reads them does so afterwards. */
  constructor(paths: readonly string[]) {
    this.#paths = paths;
    this.#seen = stampOf(paths);
  }

  /**
   * Calls `read` after a change, and again until it does not throw: what it finds may be half written, or out of reach for a moment.
   * `failed` hears why, once for each reason.
   */
  onChange(read: () => void, failed: (reason: string) => void): void {
    this.#timer = setInterval(() => this.#look(read, failed), LOOK_AGAIN_MS).unref();
  }

  close(): void {
    if (this.#timer !== null) clearInterval(this.#timer);
  }

  #look(read: () => void, failed: (reason: string) => void): void {
    const stamp = stampOf(this.#paths);
    try {
      if (stamp !== this.#seen) read();
      this.#seen = stamp;
      this.#reported = null;
    } catch (error) {
      const reason = (error as Error).message;
      if (reason !== this.#reported) failed(reason);
      this.#reported = reason;
    }
  }
}

/** Changes when one of them does, or cannot be looked at. */
function stampOf(paths: readonly string[]): string {
  return paths.map(stampOfFile).join();
}

function stampOfFile(path: string): string {
  try {
    const { ino, mtimeMs, size } = statSync(path);
    return `${ino}:${mtimeMs}:${size}`;
  } catch (error) {
    return String((error as NodeJS.ErrnoException).code);
  }
}
