// The process of a model as its instance sees it, whatever was started around it: the harness's pid, the end of all of it, and the
// watch over what its processes take together.
import { signalOf } from "../../src/process/signals.ts";
import type { ChildHandle, ExitCause } from "../../src/process/spawn.ts";
import type { ConfinedProcess, Fork } from "./launcher.ts";
import type { ProcessLimits } from "./limits.ts";
import { watchMemory } from "./memory-watch.ts";
import { type Overrun, overrunOfGroup, overrunOfMemory } from "./overrun.ts";
import { firstBelow, type WatchedProcesses } from "./watched-processes.ts";

/** What a launcher knows of what it has started. */
export interface Inside {
  /** Null while there is none. */
  harness(): number | null;
  /** Its processes, but for forks that have been adopted. */
  readonly group: WatchedProcesses;
  /** Reaches all of them. */
  kill(signal: NodeJS.Signals): void;
  adopt(pid: number): Fork | null;
  /** Whether the kernel has ended a process of it for want of memory since this was last asked. */
  hasRunOut(): boolean;
  /** Of what else there is to watch: calls `exceeded` once, returns what is to be called when the process has ended. */
  watch(exceeded: (overrun: Overrun) => void): () => void;
}

/** `child` is the wrapper; it ends after all processes inside. */
export function confinedProcess(child: ChildHandle, limits: ProcessLimits, inside: Inside): ConfinedProcess {
  let overrun: Overrun | null = null;
  const exceeded = (found: Overrun): void => {
    overrun ??= found;
    inside.kill("SIGKILL");
  };
  const watch = (): (() => void) => watchMemory(inside.group, limits.memoryBytes, (bytes) => exceeded(overrunOfMemory(bytes, limits)));
  let stopMemoryWatch = watch();
  const stopWatch = inside.watch(exceeded);
  const exited = child.exited.then((cause) => {
    stopMemoryWatch();
    stopWatch();
    const ended = causeInside(cause);
    if (ended.signal === "SIGKILL" && inside.hasRunOut()) overrun ??= overrunOfGroup(limits);
    return ended;
  });
  return {
    ...child,
    get pid() {
      return inside.harness() ?? child.pid;
    },
    get ended() {
      return child.ended;
    },
    get overrun() {
      return overrun;
    },
    exited,
    adopt(pid) {
      const fork = inside.adopt(pid);
      if (fork === null) return null;
      stopMemoryWatch();
      stopMemoryWatch = watch();
      return fork;
    },
    kill: inside.kill,
    interrupt() {
      const harness = inside.harness();
      if (harness !== null) signalProcess(harness, "SIGINT");
    },
  };
}

/** Starts a process with something that is given back when it has ended, or cannot be started. */
export async function givenBackAtExit<Child extends { readonly exited: Promise<unknown> }>(giveBack: () => void, start: () => Promise<Child>): Promise<Child> {
  try {
    const child = await start();
    void child.exited.then(giveBack);
    return child;
  } catch (error) {
    giveBack();
    throw error;
  }
}

/** The first process that this one has started, while it runs itself. */
export function firstChildOf(child: ChildHandle): number | null {
  return child.ended ? null : firstBelow(child.pid);
}

export function signalProcess(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal);
  } catch {
    // It has just ended.
  }
}

/** Where a process ends by a signal, what was started around it exits with 128 and its number, as shells do. */
function causeInside(cause: ExitCause): ExitCause {
  const signal = signalOf((cause.code ?? 0) - 128);
  return signal === undefined ? cause : { code: null, signal };
}
