// The heaps of this process's threads.
import { setFlagsFromString } from "node:v8";

/**
 * To be called before a thread is started: the process's own --max-semi-space-size, which is made for calls, would overrule the limit that a thread is given
 * (`resourceLimits`). The main thread has its heap already.
 */
export function limitYoungHeapsByThread(): void {
  setFlagsFromString("--max-semi-space-size=0");
}
