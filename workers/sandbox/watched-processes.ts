// Which processes belong together, in plain data: whoever looks for them under /proc may be another thread.
import { readdirSync } from "node:fs";
import { childrenOf, descendantsOf, deviceOf, startTimeOf } from "../../src/process/proc.ts";

/** A pid means another process once it has ended: it was started at `startTime`. */
export interface Identity {
  readonly pid: number;
  readonly startTime: string;
}

export type WatchedProcesses =
  /** All that the /proc of the first process below the wrapper shows: it leads a namespace. */
  | { readonly kind: "namespace"; readonly wrapper: number }
  /** What one process has started. */
  | { readonly kind: "below"; readonly pid: number }
  /** One with those that it has started, but for some with theirs. */
  | { readonly kind: "tree"; readonly pid: number; readonly without: readonly Identity[] }
  /**
   * A fork of `parent` with those that it has started, and what nobody claims: it may be anybody's. `first` inherits what others leave behind. Nobody, once it
   * has ended.
   */
  | ({ readonly kind: "fork"; readonly first: number; readonly parent: number } & Identity);

/** Their folders, in the /proc that shows them. */
export function foldersOf(group: WatchedProcesses): string[] {
  const proc = group.kind === "namespace" ? `/proc/${firstBelow(group.wrapper)}/root/proc` : "/proc";
  const device = deviceOf(proc);
  // Until the namespace has a /proc of its own, it shows the host's, with all of the host's processes.
  if (device === null || device === deviceOf("/proc")) return pidsOf(group).map((pid) => `/proc/${pid}`);
  return processesIn(proc);
}

/** As this process sees them. A list that is read while they multiply may miss some. */
export function pidsOf(group: WatchedProcesses): number[] {
  switch (group.kind) {
    case "namespace": {
      const first = firstBelow(group.wrapper);
      return first === null ? [] : [first, ...descendantsOf(first)];
    }
    case "below":
      return [...descendantsOf(group.pid)];
    case "tree":
      return [
        group.pid,
        ...descendantsOf(
          group.pid,
          group.without.filter(isThere).map(({ pid }) => pid),
        ),
      ];
    case "fork":
      if (!isThere(group)) return [];
      return [group.pid, ...descendantsOf(group.pid), ...leftBehind(group.first, group.parent)];
  }
}

function isThere({ pid, startTime }: Identity): boolean {
  return startTimeOf(pid) === startTime;
}

/** The first process that this one has started. */
export function firstBelow(pid: number): number | null {
  return childrenOf(pid)[0] ?? null;
}

/** Processes whose parent has ended: `first` has inherited them, and `parent` is its only child otherwise. */
export function leftBehind(first: number, parent: number): number[] {
  return childrenOf(first).flatMap((child) => (child === parent ? [] : [child, ...descendantsOf(child)]));
}

/** The folders of all processes that a /proc shows. */
export function processesIn(proc: string): string[] {
  try {
    return readdirSync(proc)
      .filter((name) => /^\d+$/.test(name))
      .map((pid) => `${proc}/${pid}`);
  } catch {
    return [];
  }
}
