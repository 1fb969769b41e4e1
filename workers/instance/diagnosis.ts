// Why a process has ended and what its errors mean: by what it printed last, and by the limits that it had.
import type { ExitCause } from "../../src/process/spawn.ts";
import type { ConfinedProcess } from "../sandbox/launcher.ts";
import type { ProcessLimits } from "../sandbox/limits.ts";
import { type Overrun, overrunBySignal, overrunIn } from "../sandbox/overrun.ts";
import { type Ending, endingOf, type FrameOutcome } from "./harness.ts";
import type { HarnessFailure } from "./protocol.ts";

/** Lines of standard error that explain an end. */
const LAST_LINES = 5;

/** Of one process. */
export class Diagnosis {
  readonly #limits: ProcessLimits | null;
  #lastLines: readonly string[] = [];
  /** The limit that it has spoken of since its last answer. */
  #spokenOf: Overrun | null = null;

  /** `limits` null: nothing is limited, and words about a limit mean another's. */
  constructor(limits: ProcessLimits | null) {
    this.#limits = limits;
  }

  /** It has printed a line to standard error. */
  printed(line: string): void {
    this.#lastLines = [...this.#lastLines.slice(1 - LAST_LINES), line];
    this.#spokenOf ??= this.#overrunIn(line);
  }

  /** It has answered: whatever it spoke of before, it has got over. */
  answered(): void {
    this.#spokenOf = null;
  }

  /** With the last lines that it printed, and the limit that it exceeded, if it did. */
  ending(cause: ExitCause, child: ConfinedProcess): Ending {
    const ending = endingOf(cause);
    const overrun = child.overrun ?? this.#overrunBy(cause);
    const printed = this.#lastLines.filter((line) => line.trim() !== "").map((line) => `\n  ${line}`);
    if (overrun === null) return { ...ending, reason: `${ending.reason}${printed.join("")}` };
    const reason = `${overrun.advice} (${ending.reason})${printed.join("")}`;
    return overrun.together ? { ...ending, reason } : { reason, blame: "model", code: overrun.code };
  }

  /** An error that speaks of a limit gets the limit's own kind. */
  judged(outcome: FrameOutcome): FrameOutcome {
    if (outcome.kind === "failed") return { kind: "failed", failure: this.#judgedFailure(outcome.failure) };
    if (outcome.kind === "died" || outcome.result.errors.length === 0) return outcome;
    return { kind: "result", result: { ...outcome.result, errors: outcome.result.errors.map((error) => this.#judgedFailure(error)) } };
  }

  #judgedFailure<Failure extends HarnessFailure>(failure: Failure): Failure {
    if (failure.kind !== "MODEL_ERROR" && failure.kind !== "OUT_OF_MEMORY") return failure;
    const overrun = this.#overrunIn(`${failure.type} ${failure.message}`);
    return overrun === null ? failure : { ...failure, kind: overrun.code, message: `${failure.message} (${overrun.advice})` };
  }

  #overrunBy({ code, signal }: ExitCause): Overrun | null {
    if (this.#limits === null || (signal === null && code === 0)) return null;
    return overrunBySignal(signal, this.#limits) ?? this.#spokenOf;
  }

  #overrunIn(text: string): Overrun | null {
    return this.#limits === null ? null : overrunIn(text, this.#limits);
  }
}
