// One frame: several invocations go to an instance together, and each gets its own answer or its own error.
import { ERRORS, type ErrorCode, IdiomError } from "../../src/core/errors.ts";
import type { Invocation, Timings } from "../../src/core/invocation.ts";
import type { VersionMetrics } from "../../src/telemetry/metrics.ts";
import type { Instance } from "../instance/instance.ts";
import type { HarnessFailure, RowError } from "../instance/protocol.ts";
import { type ResultBody, splitOutputs } from "../instance/tensor-codec.ts";

/** Frames that one request may take part in: together with others, again, and alone. */
const MAX_ATTEMPTS = 3;

export interface FrameHooks {
  readonly metrics: VersionMetrics;
  /** These have no answer and shall run again, before what waits. */
  again(invocations: readonly Invocation[]): void;
  /** The frame is over: the instance is idle again, or gone. */
  done(): void;
}

/** Runs `invocations` as one frame on an idle instance. Every one of them is settled or handed to `again`. */
export function runFrame(instance: Instance, invocations: readonly Invocation[], hooks: FrameHooks): void {
  const startedAt = performance.now();
  let waiting = 0;
  for (const invocation of invocations) {
    if (invocation.settled) continue;
    waiting++;
    invocation.attempts++;
    invocation.onAbandon = () => {
      if (--waiting === 0) instance.cancel("cancelled");
    };
  }
  hooks.metrics.frameStarted(invocations, startedAt);
  const segments = invocations.map((invocation) => invocation.request);
  const timedOut = (): void => {
    const { timeoutMs } = (invocations[0] as Invocation).request.version.manifest.limits;
    for (const invocation of invocations) invocation.fail(new IdiomError("DEADLINE_EXCEEDED", `the model ran longer than limits.timeout (${timeoutMs} ms)`));
  };
  instance.run(segments, timedOut, (outcome) => {
    const endedAt = performance.now();
    const computeMs = endedAt - startedAt;
    hooks.metrics.frameEnded(computeMs);
    for (const invocation of invocations) invocation.onAbandon = null;
    if (outcome.kind === "failed") failAll(invocations, outcome.failure, hooks);
    if (outcome.kind === "died") diedUnder(invocations, outcome.reason, hooks);
    // The next frame goes out first: the runtime works on it while the answers of this one are written.
    hooks.done();
    if (outcome.kind === "result") answerAll(invocations, outcome.result, startedAt, computeMs);
  });
}

function answerAll(invocations: readonly Invocation[], result: ResultBody, startedAt: number, computeMs: number): void {
  const split = splitOutputs(result);
  for (let i = 0; i < invocations.length; i++) {
    const invocation = invocations[i] as Invocation;
    const error = result.errors.length === 0 ? undefined : result.errors.find((candidate) => candidate.segment === i);
    if (error !== undefined) {
      invocation.fail(toError(invocation, error));
      continue;
    }
    const timings: Timings = { queueMs: startedAt - invocation.arrivedAt, computeMs };
    invocation.settle({ ok: true, outputs: split[i] as ResultBody["outputs"], timings });
  }
}

/** An error of a merged frame belongs to one of its requests: each runs alone, once, and so gets what is its own. */
function failAll(invocations: readonly Invocation[], failure: HarnessFailure, hooks: FrameHooks): void {
  const open = invocations.filter((invocation) => !invocation.settled);
  const merged = invocations.length > 1;
  for (const invocation of open) {
    if (merged) invocation.alone = true;
    else invocation.fail(toError(invocation, failure));
  }
  if (merged) hooks.again(open);
}

function diedUnder(invocations: readonly Invocation[], reason: string, hooks: FrameHooks): void {
  const open = invocations.filter((invocation) => !invocation.settled);
  const again = open.filter((invocation) => {
    const { name, version, manifest } = invocation.request.version;
    const lastChance = invocation.attempts >= MAX_ATTEMPTS || (invocation.alone && invocation.attempts > 1);
    if (manifest.idempotent && !lastChance) return true;
    const times = invocation.attempts === 1 ? "" : ` (attempt ${invocation.attempts})`;
    const advice = manifest.idempotent ? "" : "; it was not run again because the model says idempotent: false";
    invocation.fail(
      new IdiomError("INSTANCE_DIED", `the instance of model '${name}' version '${version}' died while it ran this request${times}: ${reason}${advice}`),
    );
    return false;
  });
  // A second death with the same request: from now on it runs without company.
  for (const invocation of again) invocation.alone = invocation.attempts > 1 || invocations.length === 1;
  hooks.again(again);
}

/** Kinds of PROTOCOL.md, section 6, that callers meet under the same name. */
const KINDS: ReadonlySet<string> = new Set([
  "MODEL_ERROR",
  "INVALID_INPUT",
  "INVALID_OUTPUT",
  "OUT_OF_MEMORY",
  "CANCELLED",
  "RESULT_TOO_LARGE",
] satisfies ErrorCode[]);

function toError(invocation: Invocation, failure: HarnessFailure | RowError): IdiomError {
  const { name, version } = invocation.request.version;
  const code: ErrorCode = KINDS.has(failure.kind) && Object.hasOwn(ERRORS, failure.kind) ? (failure.kind as ErrorCode) : "INTERNAL";
  const row = "row" in failure && failure.row !== null && invocation.request.rows > 1 ? ` in row ${failure.row}` : "";
  const type = failure.type === null ? "" : `${failure.type}: `;
  const traceback = failure.traceback.map((line) => `\n  ${line}`).join("");
  const who = code === "MODEL_ERROR" ? `model '${name}' version '${version}' raised${row}: ` : `model '${name}' version '${version}'${row}: `;
  return new IdiomError(code, `${who}${type}${failure.message}${traceback}`);
}
