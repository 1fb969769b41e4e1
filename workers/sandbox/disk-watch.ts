// What a sandbox holds of files, where the kernel does not bound it: all of it on the host's disk, names alone in file systems of memory.
import { statfsSync } from "node:fs";
import { lstat, readdir } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import type { ProcessLimits } from "./limits.ts";
import { type Overrun, overrunOfDisk } from "./overrun.ts";

type Exceeded = (overrun: Overrun) => void;

const FOLDER_EVERY_MS = 100;
/** What a file or folder takes at least, so that empty ones count. */
const SMALLEST_BYTES = 4096;
const BLOCK_BYTES = 512;
/** What languages have there themselves: one file may have all of `limits.tmp`. */
const LANGUAGES_OWN_BYTES = 64 * 1024;

/** Calls `exceeded` once when the files in this folder take more than `limits.tmp`. Returns what stops the watch. */
export function watchFolder(folder: string, limits: ProcessLimits, exceeded: Exceeded): () => void {
  const limitBytes = limits.tmpBytes + LANGUAGES_OWN_BYTES;
  return watch(FOLDER_EVERY_MS, limits, limitBytes, () => sizeOf(folder, limitBytes), exceeded);
}

const NAMES_EVERY_MS = 500;
/** What the kernel keeps for each name in a file system of memory, whose size does not count it. */
const NAME_BYTES = 1024;

/** Calls `exceeded` once when the names in one of these file systems of memory take more of the kernel's than their files may. Returns what stops the watch. */
export function watchNames(mounts: () => readonly string[], limits: ProcessLimits, exceeded: Exceeded): () => void {
  const most = (): number => Math.max(0, ...mounts().map(namesIn)) * NAME_BYTES;
  return watch(NAMES_EVERY_MS, limits, limits.tmpBytes * limits.sharedBy + LANGUAGES_OWN_BYTES, most, exceeded);
}

function watch(everyMs: number, limits: ProcessLimits, limitBytes: number, taken: () => Promise<number> | number, exceeded: Exceeded): () => void {
  const stopped = new AbortController();
  const look = async (): Promise<void> => {
    while (!stopped.signal.aborted) {
      const bytes = await taken();
      if (bytes > limitBytes) return stopped.signal.aborted ? undefined : exceeded(overrunOfDisk(bytes, limits));
      await delay(everyMs, null, { ref: false, signal: stopped.signal });
    }
  };
  look().catch(() => {}); // The delay ends so when it is stopped.
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

/** None, once it is gone. */
function namesIn(mount: string): number {
  try {
    const { files, ffree } = statfsSync(mount);
    return files - ffree;
  } catch {
    return 0;
  }
}
