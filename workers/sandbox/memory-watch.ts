// Ends a sandbox whose processes take more memory together than they may. They are looked at in a thread of their own: the kernel takes its time
// to answer about processes that it is busy with, and no request waits meanwhile.
import { extname, join } from "node:path";
import { Worker } from "node:worker_threads";
import { limitYoungHeapsByThread } from "../../src/process/heaps.ts";
import type { Exceeded, WatchOrder } from "./memory-watch-thread.ts";
import type { WatchedProcesses } from "./watched-processes.ts";

const MAX_HEAP_MB = 64;
const MAX_YOUNG_HEAP_MB = 2;

let thread: Worker | null = null;
let lastId = 0;
const watches = new Map<number, (bytes: number) => void>();

/**
 * Calls `exceeded` once, with what is in use, when these processes take more than `limitBytes`; they are held still until they are ended, or
 * the watch is. Returns what stops it.
 */
export function watchMemory(group: WatchedProcesses, limitBytes: number, exceeded: (bytes: number) => void): () => void {
  const id = ++lastId;
  watches.set(id, exceeded);
  order({ id, group, limitBytes });
  return () => {
    if (watches.delete(id)) order({ id, group: null });
  };
}

function order(message: WatchOrder): void {
  thread ??= startThread();
  thread.postMessage(message);
}

/** Where it fails nothing would be watched any more: the error is nobody's to catch, and ends this process with all that it has started. */
function startThread(): Worker {
  limitYoungHeapsByThread();
  // As this file is, so is that one: TypeScript in the sources, JavaScript in the build.
  const worker = new Worker(join(import.meta.dirname, `memory-watch-thread${extname(import.meta.filename)}`), {
    name: "memory-watch",
    resourceLimits: { maxOldGenerationSizeMb: MAX_HEAP_MB, maxYoungGenerationSizeMb: MAX_YOUNG_HEAP_MB },
  });
  worker.on("message", ({ id, bytes }: Exceeded) => watches.get(id)?.(bytes));
  worker.unref();
  return worker;
}
