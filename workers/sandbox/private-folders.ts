// Folders for the temporary files of processes that see the host's own file system: one for each, watched for its size, gone with it.
import { chmodSync, chownSync, mkdirSync, mkdtempSync, rm, rmSync } from "node:fs";
import { lstat, readdir } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import type { ProcessLimits } from "./limits.ts";
import { type Overrun, overrunOfDisk } from "./overrun.ts";
import { folderPrefix } from "./strays.ts";

export class PrivateFolders {
  /** Others may pass through it and cannot list it. */
  readonly #parent = mkdtempSync(join(tmpdir(), folderPrefix()));
  #made = 0;

  constructor() {
    chmodSync(this.#parent, 0o711);
    process.once("exit", () => rmSync(this.#parent, { recursive: true, force: true }));
  }

  /** A new one, which this user alone can enter; null: this process's own. */
  make(uid: number | null): string {
    const folder = join(this.#parent, String(this.#made++));
    mkdirSync(folder, { mode: 0o700 });
    if (uid !== null) chownSync(folder, uid, uid);
    return folder;
  }

  /** When nobody is left who could write to it. What cannot be removed now goes with this process. */
  remove(folder: string): void {
    rm(folder, { recursive: true, force: true }, () => {});
  }
}

const LOOK_EVERY_MS = 100;
/** What a file or folder takes at least, so that empty ones count. */
const SMALLEST_BYTES = 4096;
const BLOCK_BYTES = 512;

/** Calls `exceeded` once when the files in this folder take more than `limits.tmp`. Returns what stops the watch. */
export function watchSize(folder: string, limits: ProcessLimits, exceeded: (overrun: Overrun) => void): () => void {
  const stopped = new AbortController();
  const watch = async (): Promise<void> => {
    while (!stopped.signal.aborted) {
      const bytes = await sizeOf(folder, limits.tmpBytes);
      if (bytes > limits.tmpBytes) return stopped.signal.aborted ? undefined : exceeded(overrunOfDisk(bytes, limits));
      await delay(LOOK_EVERY_MS, null, { ref: false, signal: stopped.signal });
    }
  };
  watch().catch(() => {}); // The delay ends so when it is stopped.
  return () => stopped.abort();
}

/** Counts until there is more than `enough`. What goes away meanwhile takes nothing. */
async function sizeOf(folder: string, enough: number): Promise<number> {
  let bytes = 0;
  const folders = [folder];
  for (let next = folders.pop(); next !== undefined && bytes <= enough; next = folders.pop()) {
    for (const entry of await readdir(next, { withFileTypes: true }).catch(() => [])) {
      const path = join(next, entry.name);
      if (entry.isDirectory()) folders.push(path);
      const found = await lstat(path).catch(() => null);
      bytes += found === null ? 0 : Math.max(found.blocks * BLOCK_BYTES, SMALLEST_BYTES);
      if (bytes > enough) break;
    }
  }
  return bytes;
}
