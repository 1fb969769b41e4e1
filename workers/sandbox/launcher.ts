// How an instance gets its process. The sandbox levels are further implementations of this interface.
import type { ChildHandle, HarnessCommand } from "../../src/process/spawn.ts";
import { spawnHarness } from "../../src/process/spawn.ts";

export interface Launcher {
  /** The sandbox level, as the operator reads it. */
  readonly level: "off";
  launch(command: HarnessCommand): Promise<ChildHandle>;
}

/** Level `off`: the process has the host's own rights. For models that are trusted as much as the host. */
export const unconfined: Launcher = { level: "off", launch: spawnHarness };
