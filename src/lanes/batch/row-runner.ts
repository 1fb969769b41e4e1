// Runs consecutive rows through the realtime lane, as calls of the lowest priority, and finds the rows that the model fails.
import { type ErrorCode, IdiomError } from "../../core/errors.ts";
import { BATCH_PRIORITY, Invocation, type InvocationRequest } from "../../core/invocation.ts";
import { rowsShape, type TensorSpec } from "../../core/signature.ts";
import { elementCount, type Tensor } from "../../core/tensor.ts";
import type { FailedRow, PinnedVersion, RowBlock, RowOutputs } from "./data.ts";
import type { RowCosts } from "./row-costs.ts";

/** Calls that wait or run at a time, per slot: the next frame is there when one ends, on whichever node. */
const CALLS_PER_SLOT = 16;
/** While nobody else calls, the line merges what waits into larger frames; calls that take longer than this gain nothing by it, and might run into the model's limit. */
const LONGEST_IN_COMPANY_MS = 30;
const MAX_CALLS = 256;
/** An instance dies for reasons of its own, too: a row is to blame only when it has died this often with that row alone. */
const DEATHS_OF_A_ROW = 3;
const FIRST_PAUSE_MS = 20;
const LAST_PAUSE_MS = 500;
/** Without any answer for so long, the chunk goes back to where others can take it. */
const PATIENCE_MS = 5000;

/** The model cannot be called now, and nothing is wrong with the rows. */
export class NotNow extends Error {
  override name = "NotNow";
}

export interface RowRun {
  readonly serving: PinnedVersion;
  readonly block: RowBlock;
  /** Places of the block. */
  readonly from: number;
  readonly to: number;
  /** Called once every row has been called, answered or not; perhaps more than once. */
  readonly allCalled: () => void;
}

export interface RowRunResult {
  readonly failed: readonly FailedRow[];
  readonly outputs: RowOutputs;
}

type Submit = (invocation: Invocation) => void;

/**
 * Every place is answered or has failed. @throws NotNow when the model answers nothing for a while, IdiomError CANCELLED once `signal`
 * has aborted.
 */
export function runRows(run: RowRun, submit: Submit, costs: RowCosts, signal: AbortSignal): Promise<RowRunResult> {
  return new RowRunner(run, submit, costs, signal).result;
}

interface Segment {
  readonly from: number;
  readonly to: number;
  deaths: number;
}

interface Answered {
  readonly from: number;
  readonly rows: number;
  readonly outputs: readonly Tensor[];
}

class RowRunner {
  readonly result: Promise<RowRunResult>;
  readonly #run: RowRun;
  readonly #submit: Submit;
  readonly #costs: RowCosts;
  /** Rows of one call at most; null: each row is a call of its own. */
  readonly #maxRows: number | null;
  /** Segments that were cut once already, before those that come after. */
  readonly #again: Segment[] = [];
  readonly #open = new Set<Invocation>();
  readonly #answered: Answered[] = [];
  readonly #failed: FailedRow[] = [];
  #next: number;
  #pauseMs = FIRST_PAUSE_MS;
  #pause: NodeJS.Timeout | null = null;
  #lastAnswerAt = performance.now();
  #over = false;
  #resolve: (result: RowRunResult) => void = () => {};
  #reject: (error: Error) => void = () => {};

  constructor(run: RowRun, submit: Submit, costs: RowCosts, signal: AbortSignal) {
    this.#run = run;
    this.#submit = submit;
    this.#costs = costs;
    this.#next = run.from;
    const { batching } = run.serving.version.manifest;
    this.#maxRows = batching === null ? null : Math.min(batching.maxSize, this.#rowsWithin(batching.maxBytes));
    this.result = new Promise((resolve, reject) => {
      this.#resolve = resolve;
      this.#reject = reject;
    });
    const aborted = (): void => this.#give(new IdiomError("CANCELLED", "the job has been stopped"));
    signal.addEventListener("abort", aborted, { once: true });
    this.result.catch(() => {}).finally(() => signal.removeEventListener("abort", aborted));
    if (signal.aborted) aborted();
    this.#fill();
  }

  /** Calls that wait or run at a time. The first one shows what a row costs. */
  #maxCalls(): number {
    const { version, slots } = this.#run.serving;
    if (!this.#costs.isKnown(version.key)) return 1;
    return Math.min(MAX_CALLS, CALLS_PER_SLOT * Math.max(1, slots));
  }

  #rowsPerCall(): number {
    return this.#maxRows === null ? 1 : this.#costs.rowsPerCall(this.#run.serving.version.key, this.#maxRows);
  }

  /** By the average of these rows. */
  #rowsWithin(bytes: number): number {
    const { from, to } = this.#run;
    if (to === from) return 1;
    return Math.max(1, Math.floor(bytes / Math.max(1, bytesOf(this.#tensors(from, to)) / (to - from))));
  }

  #fill(): void {
    const maxCalls = this.#maxCalls();
    while (!this.#over && this.#pause === null && this.#open.size < maxCalls) {
      const segment = this.#again.pop() ?? this.#cut();
      if (segment === null) break;
      this.#call(segment);
    }
    if (!this.#over && this.#pause === null && this.#open.size === 0) this.#finish();
  }

  #cut(): Segment | null {
    const from = this.#next;
    if (from >= this.#run.to) return null;
    this.#next = Math.min(this.#run.to, from + this.#rowsPerCall());
    if (this.#next === this.#run.to) this.#run.allCalled();
    return { from, to: this.#next, deaths: 0 };
  }

  #call(segment: Segment): void {
    const invocation = new Invocation(this.#request(segment), (outcome) => {
      this.#open.delete(invocation);
      if (this.#over) return;
      if (outcome.ok) {
        const rows = segment.to - segment.from;
        this.#costs.learn(this.#run.serving.version.key, rows, outcome.timings.computeMs);
        this.#answered.push({ from: segment.from, rows, outputs: outcome.outputs });
        this.#lastAnswerAt = performance.now();
        this.#pauseMs = FIRST_PAUSE_MS;
      } else this.#unanswered(segment, outcome.error);
      this.#fill();
    });
    invocation.alone = this.#costs.ms(this.#run.serving.version.key, segment.to - segment.from) > LONGEST_IN_COMPANY_MS;
    this.#open.add(invocation);
    this.#submit(invocation);
  }

  #request({ from, to }: Segment): InvocationRequest {
    const { version, signature, environment } = this.#run.serving;
    const inputs = this.#tensors(from, to);
    const merged = this.#maxRows !== null;
    return {
      version,
      signature,
      inputs,
      rows: merged ? to - from : 0,
      bytes: bytesOf(inputs),
      mergeKey: merged ? inputs.map(({ shape }) => shape.slice(1).join(",")).join(";") : "",
      priority: BATCH_PRIORITY,
      environment,
    };
  }

  #tensors(from: number, to: number): readonly Tensor[] {
    const { inputs } = this.#run.serving.signature;
    const rows = this.#maxRows === null ? null : to - from;
    return this.#run.block.tensors(from, to, (rowShape, i) => rowsShape(inputs[i] as TensorSpec, rowShape, rows) ?? rowShape);
  }

  #unanswered(segment: Segment, error: IdiomError): void {
    if (NOT_NOW.has(error.code)) return this.#wait(segment, error);
    const { from, to } = segment;
    if (to - from > 1) {
      const middle = (from + to) >> 1;
      this.#again.push({ from: middle, to, deaths: 0 }, { from, to: middle, deaths: 0 });
      return;
    }
    if (BY_CHANCE.has(error.code) && ++segment.deaths < DEATHS_OF_A_ROW) this.#again.push(segment);
    else this.#failed.push({ place: from, code: error.code, cause: error.message });
  }

  /** Nothing is called until the pause is over: where one call found no room, the next would not either. */
  #wait(segment: Segment, error: IdiomError): void {
    this.#again.push(segment);
    if (performance.now() - this.#lastAnswerAt > PATIENCE_MS) return this.#give(new NotNow(error.message));
    if (this.#pause !== null) return;
    this.#pause = setTimeout(() => {
      this.#pause = null;
      this.#fill();
    }, this.#pauseMs);
    this.#pauseMs = Math.min(2 * this.#pauseMs, LAST_PAUSE_MS);
  }

  #give(error: Error): void {
    if (this.#over) return;
    this.#end();
    for (const invocation of this.#open) invocation.abandon();
    this.#reject(error);
  }

  #end(): void {
    this.#over = true;
    if (this.#pause !== null) clearTimeout(this.#pause);
    this.#pause = null;
  }

  #finish(): void {
    this.#end();
    try {
      this.#resolve(this.#allAnswers());
    } catch (error) {
      this.#reject(error as Error);
    }
  }

  /** @throws IdiomError INVALID_OUTPUT */
  #allAnswers(): RowRunResult {
    this.#answered.sort((a, b) => a.from - b.from);
    const failed = this.#failed.sort((a, b) => a.place - b.place);
    if (this.#maxRows === null) return { failed, outputs: { kind: "calls", calls: this.#answered.map(({ outputs }) => outputs.map(owned)) } };
    const tensors = this.#run.serving.signature.outputs.map((spec, i) =>
      joined(
        this.#answered.map(({ outputs }) => outputs[i] as Tensor),
        spec,
      ),
    );
    return { failed, outputs: { kind: "rows", tensors } };
  }
}

/** These say nothing of the rows. */
const NOT_NOW: ReadonlySet<ErrorCode> = new Set(["MODEL_NOT_READY", "QUEUE_FULL", "SHUTTING_DOWN", "CANCELLED"]);
/** These may have had other reasons than the row. */
const BY_CHANCE: ReadonlySet<ErrorCode> = new Set(["INSTANCE_DIED", "DEADLINE_EXCEEDED", "OUT_OF_MEMORY"]);

function bytesOf(tensors: readonly Tensor[]): number {
  return tensors.reduce((sum, { data }) => sum + data.length, 0);
}

/** Answers are views on frames of other calls too: a copy lets go of those, and can be handed to a thread. */
function owned(tensor: Tensor): Tensor {
  return { ...tensor, data: Uint8Array.from(tensor.data) };
}

/** The answers' rows in one tensor. A tensor of another trailing shape than the others cannot be joined by bytes. @throws IdiomError INVALID_OUTPUT */
function joined(parts: readonly Tensor[], spec: TensorSpec): Tensor {
  const rowShape = parts[0]?.shape.slice(1) ?? [];
  const rows = parts.reduce((sum, { shape }) => sum + (shape[0] as number), 0);
  const odd = parts.find(({ shape }) => elementCount(shape.slice(1)) !== elementCount(rowShape));
  if (odd !== undefined)
    throw new IdiomError(
      "INVALID_OUTPUT",
      `output '${spec.name}' has rows of the shapes [${rowShape.join(",")}] and [${odd.shape.slice(1).join(",")}]: a column has one shape`,
    );
  const data = new Uint8Array(parts.reduce((sum, part) => sum + part.data.length, 0));
  let at = 0;
  for (const part of parts) {
    data.set(part.data, at);
    at += part.data.length;
  }
  return { datatype: spec.datatype, contentType: null, shape: [rows, ...rowShape], data };
}
