// What the kernel says of processes under /proc. A process that is gone has nothing to say: null or empty.
import { readdirSync, readFileSync, readlinkSync, statSync } from "node:fs";

const PAGE_BYTES = 4096;

/** The pids of all processes that this one can see. */
export function allPids(): number[] {
  return readdirSync("/proc")
    .filter((name) => /^\d+$/.test(name))
    .map(Number);
}

/** Which file system a path leads to, as it shows through `/proc/<pid>/root` what a process has mounted there; null where it cannot be seen. */
export function deviceOf(path: string): number | null {
  try {
    return statSync(path).dev;
  } catch {
    return null;
  }
}

/** The processes that this one's first thread has started. */
export function childrenOf(pid: number): readonly number[] {
  return pidsIn(`/proc/${pid}/task/${pid}/children`);
}

/** The processes below this one, whichever of its threads has started them, nearest first; `without` some and those below them. */
export function descendantsOf(pid: number, without: readonly number[] = []): readonly number[] {
  const found = new Set<number>();
  const parents = [pid];
  for (let parent = parents.shift(); parent !== undefined; parent = parents.shift()) {
    for (const child of threadsOf(parent).flatMap((thread) => pidsIn(`/proc/${parent}/task/${thread}/children`))) {
      if (without.includes(child) || found.has(child)) continue;
      found.add(child);
      parents.push(child);
    }
  }
  return [...found];
}

/** The process that has started this one, the one that has started that, and so on, as far as this process sees them. */
export function ancestorsOf(pid: number): number[] {
  const parent = Number(/^PPid:\s+(\d+)$/m.exec(read(`/proc/${pid}/status`) ?? "")?.[1] ?? 0);
  return parent === 0 ? [] : [parent, ...ancestorsOf(parent)];
}

/** Its pid in the innermost namespace that it belongs to. */
export function pidInside(pid: number): number | null {
  const pids = /^NSpid:\s+(.+)$/m.exec(read(`/proc/${pid}/status`) ?? "")?.[1]?.split(/\s+/);
  return pids === undefined ? null : Number(pids.at(-1));
}

/** Whether it has ended, and at most waits for somebody to take notice. */
export function hasEnded(pid: number): boolean {
  const state = /^State:\s+(\w)/m.exec(read(`/proc/${pid}/status`) ?? "")?.[1] ?? "X";
  return state === "Z" || state === "X";
}

/** When it started, in the kernel's ticks: with the pid, an identity that no later process shares. */
export function startTimeOf(pid: number): string | null {
  // The name, in brackets, may hold anything; the start time is the 20th field after it.
  const text = read(`/proc/${pid}/stat`);
  return text?.slice(text.lastIndexOf(")") + 2).split(" ")[19] ?? null;
}

/** What it holds in memory; null when it is gone. */
export function residentBytes(pid: number): number | null {
  const text = read(`/proc/${pid}/statm`);
  return text === null ? null : Number(text.split(" ")[1]) * PAGE_BYTES;
}

/** The value of a variable in the environment that it was started with. */
export function startedWith(pid: number, variable: string): string | null {
  const entry = read(`/proc/${pid}/environ`)
    ?.split("\0")
    .find((candidate) => candidate.startsWith(`${variable}=`));
  return entry?.slice(variable.length + 1) ?? null;
}

/** The namespace that this process's pids belong to. */
export function pidNamespace(): string {
  return /\d+/.exec(readlinkSync("/proc/self/ns/pid"))?.[0] as string;
}

function threadsOf(pid: number): string[] {
  try {
    return readdirSync(`/proc/${pid}/task`);
  } catch {
    return [];
  }
}

function pidsIn(path: string): number[] {
  const text = read(path)?.trim() ?? "";
  return text === "" ? [] : text.split(" ").map(Number);
}

function read(path: string): string | null {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return null;
  }
}
