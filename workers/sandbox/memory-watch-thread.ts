// The thread of memory-watch.ts: adds up what the processes of each group take, the more often the nearer they are to their limit.
import { parentPort } from "node:worker_threads";
import { type Look, lookAt } from "./memory-use.ts";
import { foldersOf, type ProcessGroup, pidsOf } from "./process-group.ts";

/** A group of null: it is watched no more. */
export type WatchOrder = { readonly id: number; readonly group: ProcessGroup; readonly limitBytes: number } | { readonly id: number; readonly group: null };

export interface Exceeded {
  readonly id: number;
  readonly bytes: number;
}

const timers = new Map<number, NodeJS.Timeout>();

parentPort?.on("message", (order: WatchOrder) => {
  clearTimeout(timers.get(order.id));
  timers.delete(order.id);
  if (order.group !== null) watch(order.id, order.group, order.limitBytes);
});

function watch(id: number, group: ProcessGroup, limitBytes: number): void {
  const { bytes, againMs } = look(group, limitBytes);
  if (againMs !== null) {
    timers.set(
      id,
      setTimeout(() => watch(id, group, limitBytes), againMs),
    );
    return;
  }
  timers.delete(id);
  parentPort?.postMessage({ id, bytes } satisfies Exceeded);
}

/**
 * To find out what processes share takes milliseconds where they are large, in which they can take much more. Forks, which share most of what they have,
 * are held still meanwhile.
 */
function look(group: ProcessGroup, limitBytes: number): Look {
  const held: number[] = [];
  const hold = (): void => {
    for (const pid of pidsOf(group)) if (signal(pid, "SIGSTOP")) held.push(pid);
  };
  const found = lookAt(foldersOf(group), limitBytes, group.kind === "fork" ? hold : null);
  if (found.againMs === null) hold();
  else for (const pid of held) signal(pid, "SIGCONT");
  return found;
}

/** Whether it was there. */
function signal(pid: number, name: NodeJS.Signals): boolean {
  try {
    process.kill(pid, name);
    return true;
  } catch {
    return false;
  }
}
