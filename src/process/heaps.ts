// How V8 keeps this process's heaps.
import { setFlagsFromString } from "node:v8";

/**
 * Whatever belongs to a call is made in the young heap, where it costs nothing once the call is over. By itself V8 makes in the old heap what it has
 * seen outlive a few collections, as calls in flight do when there are many; there it holds all that its call has made, until the next full
 * collection, and each young one moves that about (ADR 0021).
 */
export function keepCallsInYoungHeap(): void {
  setFlagsFromString("--no-allocation-site-pretenuring");
}

/**
 * To be called before a thread is started: the process's own --max-semi-space-size, which is made for calls, would overrule the limit that a thread is given
 * (`resourceLimits`). The main thread has its heap already.
 */
export function limitYoungHeapsByThread(): void {
  setFlagsFromString("--max-semi-space-size=0");
}
