// What processes take of memory together. A limit of the kernel holds for one process only, and not for memory that is shared.
import { readFileSync } from "node:fs";

/** Twice as fast as two processors take ordinary pages into use: sooner than this tells, the limit is not reached. */
const FASTEST_GROWTH_BYTES_PER_MS = 8 * 2 ** 20;
const SHORTEST_MS = 5;
const LONGEST_MS = 500;

export interface Look {
  readonly bytes: number;
  /** When the limit can be exceeded at the soonest; null: it is. */
  readonly againMs: number | null;
}

/**
 * Whether processes, listed by their folders below /proc, take more than `limitBytes`. To find out what they share takes milliseconds where they are large, in which they
 * can take much more: `hold` is called before, and holds them still until the caller lets them go on.
 */
export function lookAt(list: () => readonly string[], limitBytes: number, hold: () => void): Look {
  let left = limitBytes - residentBytes(list());
  if (left < 0) {
    hold();
    const processes = list();
    const started = processes.filter((process) => !isBeingStarted(process));
    const bytes = proportionalBytes(started);
    if (bytes > limitBytes) return { bytes, againMs: null };
    if (started.length === processes.length) left = limitBytes - bytes;
  }
  return { bytes: limitBytes - left, againMs: Math.max(SHORTEST_MS, Math.min(LONGEST_MS, left / FASTEST_GROWTH_BYTES_PER_MS)) };
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
