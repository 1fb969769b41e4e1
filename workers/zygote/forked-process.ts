// One instance of a zygote, with the handle of a process that was started by itself.
import type { Socket } from "node:net";
import type { Readable } from "node:stream";
import { drained } from "../../src/process/drained.ts";
import type { ExitCause } from "../../src/process/spawn.ts";
import type { ConfinedProcess, Fork } from "../sandbox/launcher.ts";
import type { Overrun } from "../sandbox/overrun.ts";

export interface ProcessStreams {
  readonly input: Socket;
  readonly output: Socket;
  readonly stdout: Readable;
  readonly stderr: Readable;
}

/** After a kill the zygote tells of the end within this time, or ends with all its instances: it may have been stopped. */
const END_TOLD_WITHIN_MS = 3000;

export class ForkedProcess implements ConfinedProcess {
  readonly input: Socket;
  readonly output: Socket;
  readonly control = null;
  readonly stdout: Readable;
  readonly stderr: Readable;
  readonly exited: Promise<ExitCause>;
  readonly #sandbox: ConfinedProcess;
  readonly #resolveExited: (cause: ExitCause) => void;
  /** undefined: not forked yet, the sandbox is this instance's alone; null: it had ended before anybody looked. */
  #fork: Fork | null | undefined;
  #ended = false;
  #endTold: NodeJS.Timeout | null = null;
  /** Others were in the sandbox when it ended. */
  #amongOthers = false;

  constructor(sandbox: ConfinedProcess, { input, output, stdout, stderr }: ProcessStreams, fork?: Fork | null) {
    this.#sandbox = sandbox;
    this.input = input;
    this.output = output;
    this.stdout = stdout;
    this.stderr = stderr;
    this.#fork = fork;
    const { promise, resolve } = Promise.withResolvers<ExitCause>();
    this.exited = promise;
    this.#resolveExited = resolve;
  }

  get pid(): number {
    return (this.#fork ?? this.#sandbox).pid;
  }

  get ended(): boolean {
    return this.#ended;
  }

  get overrun(): Overrun | null {
    const { overrun } = this.#sandbox;
    return this.#fork?.overrun ?? (overrun !== null && this.#amongOthers ? { ...overrun, together: true } : overrun);
  }

  /** False while it is the process itself. */
  get isFork(): boolean {
    return this.#fork !== undefined;
  }

  /** From now on it is this fork. */
  becomes(fork: Fork | null): void {
    this.#fork = fork;
  }

  /** The sandbox has ended with several in it: for what, may be any one's doing. */
  endAmongOthers(cause: ExitCause): Promise<void> {
    this.#amongOthers = true;
    return this.end(cause);
  }

  /** It has ended; called by the zygote. Resolves `exited` once what it wrote is read and what it left behind is gone. */
  async end(cause: ExitCause): Promise<void> {
    if (this.#ended) return;
    this.#ended = true;
    if (this.#endTold !== null) clearTimeout(this.#endTold);
    // The model runs in the zygote as well: that it tells of an end is no proof.
    this.#fork?.kill("SIGKILL");
    await this.#fork?.ended(cause.signal);
    await drained([this.input, this.stdout, this.stderr], this.output);
    this.#resolveExited(cause);
  }

  kill(signal: NodeJS.Signals): void {
    if (this.#ended) return;
    if (this.#fork === undefined) return this.#sandbox.kill(signal);
    this.#fork?.kill(signal);
    this.#endTold ??= setTimeout(() => this.#sandbox.kill("SIGKILL"), END_TOLD_WITHIN_MS);
  }

  interrupt(): void {
    if (!this.#ended) (this.#fork ?? this.#sandbox).interrupt();
  }

  /** A fork forks no instances. */
  adopt(): null {
    return null;
  }
}
