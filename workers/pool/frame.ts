// One frame: several invocations go to an instance together, and each gets its own answer or its own error.
import type { Logger } from "pino";
import { ERRORS, type ErrorCode, IdiomError } from "../../src/core/errors.ts";
import { BATCH_PRIORITY, type Invocation, type InvocationRequest, type Timings } from "../../src/core/invocation.ts";
import type { VersionMetrics } from "../../src/telemetry/metrics.ts";
import type { FrameOutcome } from "../instance/harness.ts";
import type { Instance } from "../instance/instance.ts";
import type { HarnessFailure, RowError } from "../instance/protocol.ts";
import { type ResultBody, splitOutputs } from "../instance/tensor-codec.ts";
import type { Quarantine, Verdict } from "./quarantine.ts";

/** Deaths that a request may take part in: merged and by chance, merged, in a piece, and alone. */
const MAX_DEATHS = 5;

type Death = Extract<FrameOutcome, { kind: "died" }>;

export interface FrameHooks {
  readonly metrics: VersionMetrics;
  readonly quarantine: Quarantine;
  readonly log: Logger;
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
    invocation.onAbandon = () => {
      if (--waiting === 0) instance.cancel("cancelled");
    };
  }
  const segments = invocations.map((invocation) => invocation.request);
  const timedOut = (): void => {
    const { timeoutMs } = (invocations[0] as Invocation).request.version.manifest.limits;
    for (const invocation of invocations) invocation.fail(new IdiomError("DEADLINE_EXCEEDED", `the model ran longer than limits.timeout (${timeoutMs} ms)`));
  };
  const onTrial = invocations.some(({ deaths }) => deaths > 0);
  instance.run(segments, onTrial, timedOut, (outcome) => {
    const endedAt = performance.now();
    const computeMs = endedAt - startedAt;
    for (const invocation of invocations) invocation.onAbandon = null;
    if (outcome.kind === "failed") failAll(invocations, outcome.failure, hooks);
    if (outcome.kind === "died") diedUnder(invocations, outcome, hooks);
    // The next frame goes out first: the runtime works on it while the answers of this one are written.
    hooks.done();
    if (outcome.kind === "result") answerAll(invocations, outcome.result, startedAt, computeMs, hooks.quarantine);
    // Nobody waits for it.
    hooks.metrics.frameEnded(computeMs, invocations[0]?.request.priority === BATCH_PRIORITY);
  });
  hooks.metrics.frameStarted(invocations, startedAt);
}

function answerAll(invocations: readonly Invocation[], result: ResultBody, startedAt: number, computeMs: number, quarantine: Quarantine): void {
  const split = splitOutputs(result);
  const ofJob = invocations[0]?.request.priority === BATCH_PRIORITY;
  const msPerRow = computeMs / Math.max(1, ofJob ? invocations.reduce((sum, { request }) => sum + request.rows, 0) : 1);
  for (let i = 0; i < invocations.length; i++) {
    const invocation = invocations[i] as Invocation;
    quarantine.answered(invocation.request);
    const error = result.errors.length === 0 ? undefined : result.errors.find((candidate) => candidate.segment === i);
    if (error !== undefined) {
      invocation.fail(toError(invocation, error));
      continue;
    }
    const timings: Timings = { queueMs: startedAt - invocation.arrivedAt, computeMs: ofJob ? msPerRow * Math.max(1, invocation.request.rows) : computeMs };
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

/**
 * The requests of a process that died run again, in ever smaller company until the one that ends processes is found: a merged
 * frame in pieces, a piece one by one (docs/adr/0007-search-in-pieces.md). Alone in its frame a request is suspected by
 * fingerprint; its second such death is its last.
 */
function diedUnder(invocations: readonly Invocation[], death: Death, hooks: FrameHooks): void {
  const open = invocations.filter((invocation) => !invocation.settled);
  for (const invocation of open) invocation.deaths++;
  // A signal from elsewhere says nothing of the requests, the first time.
  const innocent = death.blame !== "model" && open.every(({ deaths }) => deaths === 1);
  if (!innocent && invocations.length === 1) suspect(invocations[0] as Invocation, death, hooks);
  const again = open.filter((invocation) => mayRunAgain(invocation, death, invocations.length === 1));
  if (!innocent) separate(again, invocations.length > 1 && invocations[0]?.company === null);
  hooks.again(again);
}

function suspect(invocation: Invocation, { reason }: Death, { quarantine, log }: FrameHooks): void {
  const { request } = invocation;
  const verdict = quarantine.died(request, reason, Date.now());
  if (verdict === null) return;
  log.warn({ reason, bytes: request.bytes }, "a request has ended its process twice while it ran alone: it is refused from now on");
  invocation.fail(poisonous(request, verdict));
}

/** Settles those that may not. */
function mayRunAgain(invocation: Invocation, { reason, code }: Death, isAlone: boolean): boolean {
  if (invocation.settled) return false;
  const { deaths, request } = invocation;
  const { name, version, manifest } = request.version;
  // A limit that one request alone exceeded, it would exceed again.
  const isItsOwn = isAlone && code !== "INSTANCE_DIED";
  if (manifest.idempotent && deaths < MAX_DEATHS && !isItsOwn) return true;
  const times = deaths === 1 ? "" : ` (attempt ${deaths})`;
  const advice = manifest.idempotent || isItsOwn ? "" : "; it was not run again because the model says idempotent: false";
  invocation.fail(new IdiomError(code, `the instance of model '${name}' version '${version}' died while it ran this request${times}: ${reason}${advice}`));
  return false;
}

/** Into pieces of the square root's size, or one by one. */
function separate(invocations: readonly Invocation[], pieces: boolean): void {
  const size = Math.ceil(Math.sqrt(invocations.length));
  if (!pieces || size === invocations.length) {
    for (const invocation of invocations) invocation.alone = true;
    return;
  }
  for (let at = 0; at < invocations.length; at += size) {
    const piece = invocations.slice(at, at + size);
    for (const invocation of piece) invocation.company = piece;
  }
}

/** The error of a request that is not run any more. */
export function poisonous({ version }: InvocationRequest, { reason, restMs }: Verdict): IdiomError {
  return new IdiomError(
    "POISONOUS_REQUEST",
    `this request has ended the process of model '${version.name}' version '${version.version}' twice while it ran alone, and is refused for ${Math.ceil(restMs / 1000)} s: ${reason}`,
  );
}

/** Kinds of PROTOCOL.md, section 6, that callers meet under the same name, and those of limits. */
const KINDS: ReadonlySet<string> = new Set([
  "MODEL_ERROR",
  "INVALID_INPUT",
  "INVALID_OUTPUT",
  "OUT_OF_MEMORY",
  "TOO_MANY_PROCESSES",
  "TOO_MANY_FILES",
  "DISK_FULL",
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
