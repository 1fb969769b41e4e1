// The thread of memory-watch.ts: adds up what the processes of each group take, the more often the nearer they are to their limit.
import { parentPort } from "node:worker_threads";
import { lookAt } from "./memory-use.ts";
import { foldersOf, pidsOf, type WatchedProcesses } from "./watched-processes.ts";

/** A group of null: it is watched no more. */
export type WatchOrder = { readonly id: number; readonly group: WatchedProcesses; readonly limitBytes: number } | { readonly id: number; readonly group: null };

export interface Exceeded {
  readonly id: number;
  readonly bytes: number;
}

/** What stops each watch. */
const watches = new Map<number, () => void>();

parentPort?.on("message", (order: WatchOrder) => {
  if (order.group !== null) return watch(order.id, order.group, order.limitBytes);
  watches.get(order.id)?.();
  watches.delete(order.id);
});

function watch(id: number, group: WatchedProcesses, limitBytes: number): void {
  const held = new Held(group);
  const { bytes, againMs } = lookAt(
    () => foldersOf(group),
    limitBytes,
    () => held.hold(),
  );
  if (againMs !== null) {
    held.release();
    const timer = setTimeout(() => watch(id, group, limitBytes), againMs);
    watches.set(id, () => clearTimeout(timer));
    return;
  }
  held.hold();
  // Whoever stops the watch has ended them, or watches them in another group.
  watches.set(id, () => held.release());
  parentPort?.postMessage({ id, bytes } satisfies Exceeded);
}

/** Processes of a group that are stopped. */
class Held {
  readonly #group: WatchedProcesses;
  readonly #pids = new Set<number>();

  constructor(group: WatchedProcesses) {
    this.#group = group;
  }

  hold(): void {
    for (const pid of pidsOf(this.#group)) if (signal(pid, "SIGSTOP")) this.#pids.add(pid);
  }

  release(): void {
    for (const pid of this.#pids) signal(pid, "SIGCONT");
  }
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
