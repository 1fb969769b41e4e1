// Ends a sandbox whose processes take more memory together than they may. A limit of the kernel holds for one process only, and
// not for memory that is shared; so what all of them take is added up, the more often the nearer they are to their limit.
import { readdirSync, readFileSync } from "node:fs";

/** As fast as memory can be taken into use on any machine: sooner than this tells, the limit cannot be reached. */
const FASTEST_GROWTH_BYTES_PER_MS = 4 * 2 ** 20;
const SHORTEST_MS = 5;
const LONGEST_MS = 500;

/**
 * Calls `exceeded` once, with what is in use, when these processes, named by their folders below /proc, take more than `limitBytes`.
 * Returns what stops the watch.
 */
export function watchMemory(processes: () => readonly string[], limitBytes: number, exceeded: (bytes: number) => void): () => void {
  let timer: NodeJS.Timeout | null = null;
  const look = (): void => {
    const folders = processes();
    const quick = residentBytes(folders);
    if (quick > limitBytes) {
      const exact = proportionalBytes(folders);
      if (exact > limitBytes) return exceeded(exact);
    }
    const soonestMs = (limitBytes - quick) / FASTEST_GROWTH_BYTES_PER_MS;
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

/** What processes share counts once. Takes milliseconds where they are large. A process that shows nobody its memory is counted by what it holds. */
function proportionalBytes(processes: readonly string[]): number {
  const grown = processes.filter((process) => !isBeingStarted(process));
  return sum(grown, (process) => kilobytes(`${process}/smaps_rollup`, /^Pss_(?:Anon|Shmem):\s+(\d+) kB/gm) || residentKilobytes(process)) * 1024;
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
