// How an instance gets its process. Each sandbox level is an implementation of this interface.
import type { ChildHandle, HarnessCommand } from "../../src/process/spawn.ts";
import { spawnHarness } from "../../src/process/spawn.ts";
import type { ProcessLimits } from "./limits.ts";
import type { Overrun } from "./overrun.ts";
import { hostMark } from "./strays.ts";

export type SandboxLevel = "strict" | "off";

/** What one process may use and see. */
export interface Confinement {
  /** Folders and files that it may read, at their own paths; the system's own libraries come by themselves. */
  readonly visible: readonly string[];
  readonly limits: ProcessLimits;
}

export interface Launcher {
  readonly level: SandboxLevel;
  /** Whether a process may fork others that live and end by themselves (`ConfinedProcess.adopt`). */
  readonly tellsForksApart: boolean;
  /** What stands between a model and this machine, in words for the operator. */
  readonly layers: readonly string[];
  /** @throws Error when the process cannot be started. */
  launch(command: HarnessCommand, confinement: Confinement): Promise<ConfinedProcess>;
}

/** What an instance needs to know of where its processes come from. */
export type ProcessSource = Pick<Launcher, "level" | "launch">;

export interface ConfinedProcess extends ChildHandle {
  /** The limit for which the launcher has ended it; null: it has not. */
  readonly overrun: Overrun | null;
  /**
   * Takes a process that it has forked for one with limits and an end of its own. `pid` is its pid inside. Null when it has none of
   * that pid, or the launcher cannot tell its forks apart.
   */
  adopt(pid: number): Fork | null;
}

/** A process that another one has forked, in the same sandbox. */
export interface Fork {
  /** Its pid outside. */
  readonly pid: number;
  /** The limit for which it has been ended; null: it has not. */
  readonly overrun: Overrun | null;
  /** Signals it and its group; does nothing once it has ended. */
  kill(signal: NodeJS.Signals): void;
  /** SIGINT to it alone. */
  interrupt(): void;
  /** To be called when it has ended: resolves when what it has left behind is gone as well. */
  ended(): Promise<void>;
}

/** Level `off`: the process has the host's own rights. For models that are trusted as much as the host. */
export const unconfined: Launcher = {
  level: "off",
  tellsForksApart: false,
  layers: [],
  launch: async (command) => {
    const child = await spawnHarness({ ...command, env: { ...command.env, ...hostMark() } });
    return Object.assign(child, { overrun: null, adopt: () => null });
  },
};
