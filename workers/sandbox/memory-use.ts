// What processes take of memory together. A limit of the kernel holds for one process only, and not for memory that is shared.
import { readFileSync } from "node:fs";

/** Twice as fast as two processors take memory into use: sooner than this tells, the limit is not reached. */
const FASTEST_GROWTH_BYTES_PER_MS = 8 * 2 ** 20;
const SHORTEST_MS = 5;
const LONGEST_MS = 500;

export interface Look {
  readonly bytes: number;
  /** When the limit can be exceeded at the soonest; null: it is. */
  readonly againMs: number | null;
}

/**
 * Whether these processes, named by their folders below /proc, take more than `limitBytes`. `hold` is called before what they share is added up, and holds them
 * still until the caller lets them go on; without it they are to be looked at again at once.
 */
export function lookAt(processes: readonly string[], limitBytes: number, hold: (() => void) | null): Look {
  let bytes = residentBytes(processes);
  let left = limitBytes - bytes;
  if (left < 0) {
    hold?.();
    const started = processes.filter((process) => !isBeingStarted(process));
    bytes = proportionalBytes(started);
    if (bytes > limitBytes) return { bytes, againMs: null };
    if (hold !== null && started.length === processes.length) left = limitBytes - bytes;
  }
  return { bytes, againMs: Math.max(SHORTEST_MS, Math.min(LONGEST_MS, left / FASTEST_GROWTH_BYTES_PER_MS)) };
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

function readOrNothing(path: string): string {
  try {
    return readFileSync(path, "latin1");
  } catch {
    return "";
  }
}
