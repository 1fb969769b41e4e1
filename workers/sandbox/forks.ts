// The instances that a process forks within its sandbox: which process belongs to which, what each takes, and what is left when one ends.
import { setTimeout as delay } from "node:timers/promises";
import { childrenOf, hasEnded, pidInside, startTimeOf } from "../../src/process/proc.ts";
import type { Fork } from "./launcher.ts";
import type { ProcessLimits } from "./limits.ts";
import { watchMemory } from "./memory-watch.ts";
import { type Overrun, overrunOfGroup, overrunOfMemory } from "./overrun.ts";
import { type Identity, leftBehind } from "./watched-processes.ts";

export interface Sandbox {
  /** Its first process, which inherits what others leave behind; null once it is gone. */
  first(): number | null;
  /** The process that forks, a child of the first. */
  parent(): number | null;
  /** Whether the kernel has ended a process of it for want of memory since this was last asked. */
  hasRunOut(): boolean;
  /** Ends all of it. */
  end(): void;
}

/** How often it is looked whether what was left behind is gone, and after how long the sandbox is ended with it. */
const LOOK_AGAIN_MS = 5;
const GONE_WITHIN_MS = 2000;
/** The kernel's list of children may miss one while they change. */
const QUIET_LOOKS = 3;

export class Forks {
  readonly #sandbox: Sandbox;
  readonly #limits: ProcessLimits;
  /** Those that live, and what stops the watch of each. */
  readonly #watched = new Map<Identity, () => void>();

  constructor(sandbox: Sandbox, limits: ProcessLimits) {
    this.#sandbox = sandbox;
    this.#limits = limits;
  }

  get living(): readonly Identity[] {
    return [...this.#watched.keys()];
  }

  /** Null when the process has no child of that pid. */
  adopt(inside: number): Fork | null {
    const [first, parent] = [this.#sandbox.first(), this.#sandbox.parent()];
    if (first === null || parent === null) return null;
    const pid = childrenOf(parent).find((child) => pidInside(child) === inside);
    const startTime = pid === undefined ? null : startTimeOf(pid);
    if (pid === undefined || startTime === null) return null;
    const identity: Identity = { pid, startTime };
    const signal = (target: number, name: NodeJS.Signals): void => {
      if (startTimeOf(pid) === startTime) trySignal(target, name);
    };
    const kill = (name: NodeJS.Signals): void => {
      signal(-pid, name);
      signal(pid, name);
    };
    let overrun: Overrun | null = null;
    const stopWatch = watchMemory({ kind: "fork", ...identity, first, parent }, this.#limits.memoryBytes, (bytes) => {
      overrun = overrunOfMemory(bytes, this.#limits);
      kill("SIGKILL");
    });
    this.#watched.set(identity, stopWatch);
    return {
      pid,
      get overrun() {
        return overrun;
      },
      kill,
      interrupt: () => signal(pid, "SIGINT"),
      ended: async (by) => {
        this.#watched.delete(identity);
        stopWatch();
        if (by === "SIGKILL" && this.#sandbox.hasRunOut()) overrun ??= overrunOfGroup(this.#limits);
        await this.#sweep();
      },
    };
  }

  /** The sandbox is gone. */
  close(): void {
    for (const stop of this.#watched.values()) stop();
  }

  #leftBehind(): number[] {
    const [first, parent] = [this.#sandbox.first(), this.#sandbox.parent()];
    return first === null || parent === null ? [] : leftBehind(first, parent);
  }

  /** What multiplies faster than it can be ended takes the sandbox with it. */
  async #sweep(): Promise<void> {
    const startedAt = performance.now();
    const known = new Set<number>();
    for (let quiet = 0; quiet < QUIET_LOOKS; ) {
      const rest = this.#leftBehind().filter((pid) => !known.has(pid));
      quiet = rest.length === 0 ? quiet + 1 : 0;
      if (quiet > 0) continue;
      if (performance.now() - startedAt > GONE_WITHIN_MS) return this.#sandbox.end();
      for (const pid of rest) {
        // Whoever has ended since the list was read may have started another just before: only the next list tells.
        if (hasEnded(pid)) known.add(pid);
        else trySignal(pid, "SIGKILL");
      }
      await delay(LOOK_AGAIN_MS);
    }
  }
}

function trySignal(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal);
  } catch {
    // It has just ended.
  }
}
