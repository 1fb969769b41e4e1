// Ends a sandbox whose processes take more memory together than they may. A limit of the kernel holds for one process only, and
// not for memory that is shared; so what all of them take is added up, the more often the nearer they are to their limit.
import { readdirSync, readFileSync } from "node:fs";

/** Twice as fast as two processors take memory into use: sooner than this tells, the limit is not reached. */
const FASTEST_GROWTH_BYTES_PER_MS = 8 * 2 ** 20;
const SHORTEST_MS = 5;
const LONGEST_MS = 500;

/** Holds these processes still meanwhile. */
export type Still = <Value>(processes: readonly string[], act: () => Value) => Value;

/**
 * Calls `exceeded` once, with what is in use, when these processes, named by their folders below /proc, take more than `limitBytes`. To find out what they share
 * takes milliseconds where they are large, in which they can take much more: `still` keeps them from it; without it they are looked at again at once. Returns what
 * stops the watch.
 */
export function watchMemory(processes: () => readonly string[], limitBytes: number, exceeded: (bytes: number) => void, still: Still | null = null): () => void {
  let timer: NodeJS.Timeout | null = null;
  const look = (): void => {
    const folders = processes();
    let bytes = residentBytes(folders);
    let soonestMs = (limitBytes - bytes) / FASTEST_GROWTH_BYTES_PER_MS;
    if (bytes > limitBytes) {
      const started = folders.filter((process) => !isBeingStarted(process));
      bytes = still === null ? proportionalBytes(started) : still(folders, () => proportionalBytes(started));
      if (bytes > limitBytes) return exceeded(bytes);
      if (still !== null && started.length === folders.length) soonestMs = (limitBytes - bytes) / FASTEST_GROWTH_BYTES_PER_MS;
    }
    timer = setTimeout(look, Math.max(SHORTEST_MS, Math.min(LONGEST_MS, soonestMs))).unref();
  };
  look();
  return () => void (timer !== null && clearTimeout(timer));
}

/** The folders of all processes that a /proc shows. */
export function processesIn(proc: string): string[] {
  return readdirOrNothing(proc)
    .filter((name) => /^\d+$/.test(name))
    .map((pid) => `${proc}/${pid}`);
}

/** Files that are mapped do not count: the kernel can drop them. What processes share counts for each of them. */
function residentBytes(processes: readonly string[]): number {
  return sum(processes, residentKilobytes) * 1024;
}

/** What processes share counts once. A process that shows nobody its memory is counted by what it holds. */
function proportionalBytes(processes: readonly string[]): number {
  return sum(processes, (process) => kilobytes(`${process}/smaps_rollup`, /^Pss_(?:Anon|Shmem):\s+(\d+) kB/gm) || residentKilobytes(process)) * 1024;
}

function residentKilobytes(process: string): number {
  return kilobytes(`${process}/status`, /^Rss(?:Anon|Shmem):\s+(\d+) kB/gm);
}

/** Between fork and exec, which takes a moment, a process may use its parent's memory itself. */
const START_MS = 50;
const TICK_MS = 10;
/** Of the flags in `stat`: forked, and has executed nothing yet. */
const FORKED = 0x40;

function isBeingStarted(process: string): boolean {
  const stat = readOrNothing(`${process}/stat`);
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  const [flags, startedTicks] = [Number(fields[6]), Number(fields[19])];
  const uptimeMs = Number.parseFloat(readOrNothing("/proc/uptime")) * 1000;
  return (flags & FORKED) !== 0 && uptimeMs - startedTicks * TICK_MS < START_MS;
}

/** Adds up the lines of a file that the pattern finds. */
function kilobytes(file: string, pattern: RegExp): number {
  return sum([...readOrNothing(file).matchAll(pattern)], (match) => Number(match[1]));
}

function sum<Item>(items: readonly Item[], amount: (item: Item) => number): number {
  return items.reduce((total, item) => total + amount(item), 0);
}

function readdirOrNothing(path: string): string[] {
  try {
    return readdirSync(path);
  } catch {
    return [];
  }
}

function readOrNothing(path: string): string {
  try {
    return readFileSync(path, "latin1");
  } catch {
    return "";
  }
}
