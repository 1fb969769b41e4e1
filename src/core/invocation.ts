// One realtime call on its way from the gateway to a model and back.
import type { IdiomError } from "./errors.ts";
import type { ModelVersion } from "./model.ts";
import type { Signature } from "./signature.ts";
import type { Tensor } from "./tensor.ts";

/** 0 is the most urgent. */
export type Priority = 0 | 1 | 2;

/** Rows of a job: they take what realtime calls leave, and a floor that the operator sets. */
export const BATCH_PRIORITY = 3;

export interface Timings {
  /** ms between arrival and the start of the frame that answered. */
  readonly queueMs: number;
  /** ms from sending the frame to its answer; of rows of a job their share of that. */
  readonly computeMs: number;
}

/** The answer: one tensor per output of the signature, in its order, or an error. */
export type Outcome =
  | { readonly ok: true; readonly outputs: readonly Tensor[]; readonly timings: Timings }
  | { readonly ok: false; readonly error: IdiomError };

/** What the front door hands to the lane. Validated: inputs fit the signature. */
export interface InvocationRequest {
  readonly version: ModelVersion;
  readonly signature: Signature;
  /** One per input of the signature, in its order. */
  readonly inputs: readonly Tensor[];
  /** Size of dimension 0, or 0 when the version is never merged. */
  readonly rows: number;
  readonly bytes: number;
  /** Requests with equal keys may share a frame. */
  readonly mergeKey: string;
  readonly priority: Priority | typeof BATCH_PRIORITY;
  /** Of rows of jobs: the environment that they were submitted for. A node with another one does not run them. */
  readonly environment?: string;
}

/**
 * A call that waits or runs. It is settled exactly once; whoever settles it first wins and later outcomes are dropped,
 * so the caller is answered once whatever happens behind it.
 */
export class Invocation {
  readonly request: InvocationRequest;
  /** performance.now() at arrival. */
  readonly arrivedAt = performance.now();
  /** ms since 1970 by this machine's clock; Infinity when the caller waits for ever. */
  readonly deadlineAt: number;
  /** How many processes have died with it in their frame. */
  deaths = 0;
  /** Runs without company: an earlier frame with it failed or died. */
  alone = false;
  /** After a death: the only ones that it shares a frame with. */
  company: readonly Invocation[] | null = null;
  #settled = false;
  readonly #answer: (outcome: Outcome) => void;
  /** Called when the caller gives up; set by whoever holds the invocation at the moment. */
  onAbandon: (() => void) | null = null;

  constructor(request: InvocationRequest, answer: (outcome: Outcome) => void, deadlineAt = Number.POSITIVE_INFINITY) {
    this.deadlineAt = deadlineAt;
    this.request = request;
    this.#answer = answer;
  }

  get settled(): boolean {
    return this.#settled;
  }

  settle(outcome: Outcome): void {
    if (this.#settled) return;
    this.#settled = true;
    try {
      this.#answer(outcome);
    } catch (error) {
      // One answer that cannot be given is no reason to lose the others of its frame.
      process.emitWarning(error as Error);
    }
  }

  fail(error: IdiomError): void {
    this.settle({ ok: false, error });
  }

  /** The caller is gone (deadline or cancel) and has its answer already. */
  abandon(): void {
    if (this.#settled) return;
    this.#settled = true;
    this.onAbandon?.();
  }
}
