// How the instances of one version get their processes: forked from one that has loaded the model, where that is possible.
import type { Logger } from "pino";
import type { HarnessCommand } from "../../src/process/spawn.ts";
import type { ConfinedProcess, Confinement, Launcher, ProcessSource } from "../sandbox/launcher.ts";
import { Zygote } from "./zygote.ts";

/** Tells a harness that it has a control descriptor. */
const FORKS = "--forks";

export class VersionLauncher implements ProcessSource {
  readonly #launcher: Launcher;
  readonly #log: Logger;
  #mayFork: boolean;
  #zygote: Promise<Zygote> | null = null;
  #resting: Promise<unknown> = Promise.resolve();

  /** `mayFork`: the language can, and the model's author does not object. */
  constructor(launcher: Launcher, mayFork: boolean, log: Logger) {
    this.#launcher = launcher;
    this.#log = log;
    this.#mayFork = mayFork && launcher.tellsForksApart;
  }

  get level(): Launcher["level"] {
    return this.#launcher.level;
  }

  /** The first process loads the model; what comes after it is forked, and waits until it is loaded. */
  async launch(command: HarnessCommand, confinement: Confinement): Promise<ConfinedProcess> {
    for (;;) {
      if (!this.#mayFork) return this.#launcher.launch(command, confinement);
      const zygote = this.#zygote;
      if (zygote === null) return this.#begin(command, confinement);
      const forked = await zygote.then((ready) => ready.fork());
      if (forked !== null) return forked;
      if (this.#zygote === zygote) this.#zygote = null;
    }
  }

  /** No instance is left or wanted: nothing stays in memory. Resolves when the process is gone. */
  async rest(): Promise<void> {
    // One that could not be started needs no end.
    const ending = this.#zygote?.then((zygote) => zygote.end()).catch(() => {});
    this.#zygote = null;
    this.#resting = Promise.all([this.#resting, ending]);
    await this.#resting;
  }

  async #begin(command: HarnessCommand, confinement: Confinement): Promise<ConfinedProcess> {
    this.#zygote = this.#launcher.launch({ ...command, command: [...command.command, FORKS], control: true }, confinement).then(
      (process) =>
        new Zygote(process, {
          unforkable: (reason) => {
            this.#mayFork = false;
            this.#log.info({ reason }, `each instance loads the model by itself: ${reason}`);
          },
          forkFailed: (reason) => this.#log.warn({ reason }, `an instance could not be forked, the model is loaded anew: ${reason}`),
          violation: (reason) => this.#log.error({ reason }, `the process that forks the instances was killed: ${reason}`),
        }),
    );
    const zygote = this.#zygote;
    try {
      return (await zygote).first;
    } catch (error) {
      if (this.#zygote === zygote) this.#zygote = null;
      throw error;
    }
  }
}
