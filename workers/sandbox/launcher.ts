// How an instance gets its process. Each sandbox level is an implementation of this interface.
import type { SandboxLevel } from "../../src/core/sandbox-level.ts";
import type { ChildHandle, HarnessCommand } from "../../src/process/spawn.ts";
import type { ProcessLimits } from "./limits.ts";
import type { Overrun } from "./overrun.ts";

/** What the boot attack tries (probe/attack.mjs), in words for the operator. */
export const ATTACKS = [
  "read a file of the host",
  "read the host's environment",
  "signal the host",
  "reach the host over the network",
  "write to the folder of its model",
  "make a user namespace",
  "run as root",
  "use capabilities",
  "make every system call",
] as const;

export type BootAttack = (typeof ATTACKS)[number];

/** What one process may use and see. */
export interface Confinement {
  /** Folders and files that it may read, at their own paths; the system's own libraries come by themselves. */
  readonly visible: readonly string[];
  readonly limits: ProcessLimits;
}

export interface SandboxOptions {
  readonly data: string;
  /** The folder of models. */
  readonly models: string;
}

export interface Launcher {
  readonly level: SandboxLevel;
  /** Whether a process may fork others that live and end by themselves (`ConfinedProcess.adopt`). */
  readonly tellsForksApart: boolean;
  /** What stands between a model and this machine, in words for the operator. */
  readonly layers: readonly string[];
  /** The attacks that it stops. */
  readonly stops: readonly BootAttack[];
  /**
   * `{tmp}` in the words and the environment of a command stands for the folder that the process may write to.
   * @throws Error when the process cannot be started.
   */
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
  /** To be called when it has ended, `by` a signal or by itself: resolves when what it has left behind is gone as well. */
  ended(by: NodeJS.Signals | null): Promise<void>;
}

/** The command with `{tmp}` replaced. */
export function withTemporaryFolder({ command, env, ...rest }: HarnessCommand, folder: string): HarnessCommand {
  const filled = (text: string): string => text.replaceAll("{tmp}", folder);
  return { ...rest, command: command.map(filled), env: Object.fromEntries(Object.entries(env).map(([name, value]) => [name, filled(value)])) };
}

/** As wrappers read words from a descriptor. */
export function nulSeparated(words: readonly (string | number | bigint)[]): Buffer {
  return Buffer.from(words.map((word) => `${word}\0`).join(""));
}
