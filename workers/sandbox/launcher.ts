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
  /** What stands between a model and this machine, in words for the operator. */
  readonly layers: readonly string[];
  /** @throws Error when the process cannot be started. */
  launch(command: HarnessCommand, confinement: Confinement): Promise<ConfinedProcess>;
}

export interface ConfinedProcess extends ChildHandle {
  /** The limit for which the launcher has ended it; null: it has not. */
  readonly overrun: Overrun | null;
}

/** Level `off`: the process has the host's own rights. For models that are trusted as much as the host. */
export const unconfined: Launcher = {
  level: "off",
  layers: [],
  launch: async (command) => Object.assign(await spawnHarness({ ...command, env: { ...command.env, ...hostMark() } }), { overrun: null }),
};
