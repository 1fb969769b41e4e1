// The instances of one model version on this node, and the line in front of them.
import type { Logger } from "pino";
import { IdiomError } from "../../src/core/errors.ts";
import { BATCH_PRIORITY, type Invocation } from "../../src/core/invocation.ts";
import type { ModelVersion, VersionStatus } from "../../src/core/model.ts";
import type { Signature, SignatureHints } from "../../src/core/signature.ts";
import { resolveSignature } from "../../src/core/signature-resolution.ts";
import type { BundleConsumer, BundleFeeder } from "../../src/lanes/realtime/bundle-feeder.ts";
import type { LocalConsumer } from "../../src/lanes/realtime/lane.ts";
import { type FrameLimits, Line } from "../../src/lanes/realtime/line.ts";
import type { WorkerMetrics } from "../../src/telemetry/metrics.ts";
import type { Instance, PreparedVersion } from "../instance/instance.ts";
import { KillDistance } from "../instance/kill-distance.ts";
import type { InstanceState } from "../instance/state.ts";
import type { Launcher } from "../sandbox/launcher.ts";
import { BatchShare } from "./batch-share.ts";
import type { Capacity } from "./capacity.ts";
import { poisonous, runFrame } from "./frame.ts";
import { InstanceSet } from "./instance-set.ts";
import { Quarantine } from "./quarantine.ts";
import { stayAwakeWhile } from "./stay-awake.ts";

export interface PoolLimits {
  /** Requests that may wait for one version; beyond, they are refused. */
  readonly maxQueuedRequests: number;
  readonly maxQueuedBytes: number;
  /** When a request has waited for so long while every instance is busy, another one starts. */
  readonly growAfterMs: number;
  /** An instance beyond `instances.min` leaves after so long without work. */
  readonly idleAfterMs: number;
  /** Share of its time that rows of jobs get at least, from 0 to less than 1. */
  readonly batchFloor: number;
}

/** What an earlier life of the node knew of a version that starts on demand. */
export interface KnownVersion {
  readonly signature: Signature;
  readonly environment: string;
}

export interface PoolDependencies {
  readonly launcher: Launcher;
  readonly limits: PoolLimits;
  /** Shared by the pools of a node. */
  readonly capacity: Capacity;
  readonly metrics: WorkerMetrics;
  readonly log: Logger;
  readonly statusChanged: (version: ModelVersion, status: VersionStatus) => void;
}

export class Pool implements LocalConsumer, BundleConsumer {
  readonly version: ModelVersion;
  readonly #dependencies: PoolDependencies;
  readonly #instances: InstanceSet;
  readonly #log: Logger;
  readonly #line = new Line();
  readonly #quarantine = new Quarantine();
  readonly #batchShare: BatchShare;
  readonly #frameLimits: FrameLimits;
  readonly #maxDelayMs: number;
  readonly #metrics: ReturnType<WorkerMetrics["forVersion"]>;
  #signature: Signature | null;
  #environment: string;
  #feeder: BundleFeeder | null = null;
  #batchFeeder: BundleFeeder | null = null;
  /** How many instances are ready. */
  #readySlots = 0;
  #wasReady = false;
  #draining = false;
  #killed = false;
  #dispatchScheduled = false;
  /** Resolves when the last lone request has its answer, or takes longer. */
  #awake: Promise<void> | null = null;
  #delayTimer: NodeJS.Timeout | null = null;
  #growTimer: NodeJS.Timeout | null = null;
  readonly #drained = Promise.withResolvers<void>();

  /** `known`: of a version that has been ready before. */
  constructor(prepared: PreparedVersion, known: KnownVersion | null, dependencies: PoolDependencies) {
    this.version = prepared.version;
    this.#signature = known?.signature ?? null;
    this.#environment = known?.environment ?? "";
    this.#dependencies = dependencies;
    this.#log = dependencies.log.child({ model: prepared.version.name, version: prepared.version.version });
    this.#batchShare = new BatchShare(dependencies.limits.batchFloor);
    this.#metrics = dependencies.metrics.forVersion(prepared.version, () => this.#line.requests);
    const { batching } = prepared.version.manifest;
    this.#frameLimits = batching === null ? { maxRows: null, maxBytes: Number.POSITIVE_INFINITY } : { maxRows: batching.maxSize, maxBytes: batching.maxBytes };
    this.#maxDelayMs = batching?.maxDelayMs ?? 0;
    this.#instances = new InstanceSet({
      prepared,
      known: known !== null,
      launcher: dependencies.launcher,
      capacity: dependencies.capacity,
      idleAfterMs: dependencies.limits.idleAfterMs,
      hooks: {
        resolveSignature: (hints, artifact) => this.#resolve(hints, artifact),
        started: (languageVersion) => {
          this.#environment = prepared.environmentOf(languageVersion);
        },
        killDistance: new KillDistance(),
      },
      log: dependencies.log,
      stateChanged: (from, to) => this.#stateChanged(from, to),
      roomMayBeFree: () => this.#schedule(),
    });
  }

  get instances(): readonly Instance[] {
    return this.#instances.all;
  }

  get signature(): Signature | null {
    return this.#signature;
  }

  get environment(): string {
    return this.#environment;
  }

  /** Room for one merged frame in front of each slot; a version whose first instance starts on demand has one slot in advance. */
  get wantsBundle(): boolean {
    return !this.#draining && this.#line.requests < this.#slots * (this.#frameLimits.maxRows ?? 1);
  }

  /** Room for the next frames of rows of jobs. */
  get wantsBatch(): boolean {
    return !this.#draining && this.#line.batchRows < BATCH_FRAMES_PER_SLOT * this.#slots * (this.#frameLimits.maxRows ?? 1);
  }

  get #slots(): number {
    return this.#readySlots === 0 && this.#isDormant ? 1 : this.#readySlots;
  }

  get #isDormant(): boolean {
    return this.#signature !== null && this.#instances.dormant;
  }

  get directIsOpen(): boolean {
    return this.wantsBundle && (this.#feeder?.remoteIsEmpty ?? true);
  }

  /** From now on bundles come from Redis as well; those of jobs have a feeder of their own, so that they hold up no others. */
  feedFrom(feeder: BundleFeeder, batchFeeder: BundleFeeder): void {
    this.#feeder = feeder;
    this.#batchFeeder = batchFeeder;
  }

  async acceptBundle(invocations: readonly Invocation[]): Promise<void> {
    for (const invocation of invocations) {
      const verdict = this.#quarantine.verdict(invocation.request, Date.now());
      if (verdict === null) this.#line.push(invocation);
      else invocation.fail(poisonous(invocation.request, verdict));
    }
    // They have waited for each other already.
    this.#dispatch();
    // Of what is not merged the next one is fetched meanwhile, or the slot would wait for it.
    if (this.#frameLimits.maxRows !== null) await this.#awake;
  }

  start(): void {
    this.#instances.start();
    if (this.#instances.size === 0) this.#dependencies.statusChanged(this.version, this.#status());
  }

  /** What time asks for; called once a second. */
  look(): void {
    this.#instances.look(performance.now());
    if (!this.#line.isEmpty) this.#growIfNeeded();
  }

  offer(invocation: Invocation): void {
    const refusal = this.#refusal(invocation);
    if (refusal !== null) return invocation.fail(refusal);
    this.#line.push(invocation);
    this.#schedule();
  }

  /** Takes nothing new, answers what waits here, then ends the instances. What waits in Redis is left to other nodes. */
  drain(): Promise<void> {
    this.#draining = true;
    this.#feeder?.stop();
    this.#batchFeeder?.stop();
    // Rows of jobs run elsewhere, or later.
    failAll(this.#line.drainBatch(), new IdiomError("SHUTTING_DOWN", "the server is shutting down"));
    this.#checkDrained();
    return this.#drained.promise;
  }

  /** Drains once nothing of the version waits in Redis either and `lingerMs` have passed: no other node would take it. */
  async finish(lingerMs: number): Promise<void> {
    if (this.#readySlots > 0) await Promise.all([this.#feeder?.finish(lingerMs), this.#batchFeeder?.finish(lingerMs)]);
    await this.drain();
  }

  /** Ends everything now. What waits gets an error. */
  kill(): void {
    this.#draining = true;
    this.#killed = true;
    this.#feeder?.stop();
    this.#batchFeeder?.stop();
    failAll(this.#line.drain(), new IdiomError("SHUTTING_DOWN", "the server is shutting down"));
    this.#instances.close();
    for (const instance of this.#instances.all) {
      instance.drain();
      instance.kill("killed: the server is shutting down");
    }
    this.#checkDrained();
  }

  #refusal(invocation: Invocation): IdiomError | null {
    const { name, version } = this.version;
    if (this.#draining) return new IdiomError("SHUTTING_DOWN", `model '${name}' version '${version}' is draining; call again`);
    const { limits } = this.#dependencies;
    const isBatch = invocation.request.priority === BATCH_PRIORITY;
    if (!isBatch && (this.#line.requests >= limits.maxQueuedRequests || this.#line.bytes + invocation.request.bytes > limits.maxQueuedBytes)) {
      return new IdiomError(
        "QUEUE_FULL",
        `the queue of model '${name}' version '${version}' is full (${this.#line.requests} requests, ${this.#line.bytes} bytes); try again later`,
      );
    }
    if (this.#instances.hopeless || (this.#instances.all.length === 0 && !this.#instances.hasRoom)) {
      return new IdiomError("MODEL_NOT_READY", `model '${name}' version '${version}' is not at ready state: ${this.#reason()}`);
    }
    if (isBatch && invocation.request.environment !== this.#environment)
      return new IdiomError("MODEL_NOT_READY", `model '${name}' version '${version}' runs in another environment here than the job was submitted for`);
    const verdict = this.#quarantine.verdict(invocation.request, Date.now());
    return verdict === null ? null : poisonous(invocation.request, verdict);
  }

  /** What arrives in one turn of the event loop goes out together; nothing is ever held back longer. */
  #schedule(): void {
    if (this.#dispatchScheduled) return;
    this.#dispatchScheduled = true;
    setImmediate(() => {
      this.#dispatchScheduled = false;
      this.#dispatch();
    });
  }

  #dispatch(): void {
    for (const instance of this.#instances.all) {
      if (!instance.idle) continue;
      if (this.#waitsForMore()) return;
      const invocations = this.#line.take(this.#frameLimits, this.#batchShare.isDue);
      if (invocations.length === 0) break;
      const isBatch = invocations[0]?.request.priority === BATCH_PRIORITY;
      const startedAt = performance.now();
      runFrame(instance, invocations, {
        metrics: this.#metrics,
        quarantine: this.#quarantine,
        log: this.#log,
        again: (unanswered) => this.#again(unanswered),
        done: () => {
          this.#shareOut(isBatch, performance.now() - startedAt);
          this.#slotFree();
        },
      });
      // A single caller waits for every hop between the processes; under load the loop never sleeps anyway.
      if (invocations.length === 1 && !isBatch && this.#line.requests === 0) this.#awake = stayAwakeWhile(() => !instance.idle && this.#line.requests === 0);
    }
    if (!this.#line.isEmpty) this.#growIfNeeded();
    this.#feeder?.roomMayBeFree();
    this.#batchFeeder?.roomMayBeFree();
    if (this.#draining) this.#checkDrained();
  }

  #shareOut(isBatch: boolean, ms: number): void {
    if (isBatch && this.#line.requests > 0) this.#batchShare.batchRan(ms);
    else if (!isBatch && this.#line.batchRows > 0) this.#batchShare.realtimeRan(ms);
    else this.#batchShare.nobodyWaited();
  }

  /** Work waits: where nobody is there, or a request has waited long enough, another instance starts. */
  #growIfNeeded(): void {
    if (this.#instances.size === 0 && this.#instances.mayGrow) return this.#instances.grow();
    const oldest = this.#instances.mayGrow ? this.#line.oldest() : null;
    if (oldest === null) return;
    const restMs = this.#dependencies.limits.growAfterMs - (performance.now() - oldest.arrivedAt);
    if (restMs <= 0) return this.#instances.grow();
    this.#growTimer ??= setTimeout(() => {
      this.#growTimer = null;
      this.#growIfNeeded();
    }, restMs);
  }

  #again(unanswered: readonly Invocation[]): void {
    if (this.#killed) return failAll(unanswered, new IdiomError("SHUTTING_DOWN", "the server is shutting down"));
    this.#line.pushFront(unanswered);
    this.#failWaiting();
  }

  #slotFree(): void {
    if (!this.#line.isEmpty) this.#dispatch();
    else if (this.#draining) this.#checkDrained();
    else {
      this.#feeder?.roomMayBeFree();
      this.#batchFeeder?.roomMayBeFree();
    }
  }

  /** `batching.max_delay`: whether a frame that is not full yet should wait for company. */
  #waitsForMore(): boolean {
    if (this.#maxDelayMs === 0 || this.#draining) return false;
    const oldest = this.#line.oldest();
    if (oldest === null || this.#line.fills(this.#frameLimits)) return false;
    const left = this.#maxDelayMs - (performance.now() - oldest.arrivedAt);
    if (left <= 0) return false;
    this.#delayTimer ??= setTimeout(() => {
      this.#delayTimer = null;
      this.#dispatch();
    }, left);
    return true;
  }

  #resolve(hints: SignatureHints, artifact: SignatureHints | null): Signature {
    if (this.#signature !== null) return this.#signature;
    const sources = [
      { name: "model.yaml", hints: this.version.manifest.declared },
      { name: "the code's types", hints, anyWidth: true },
      { name: "the artifact", hints: artifact ?? NOTHING, fillIn: true },
      { name: "the golden files", hints: this.version.golden ?? NOTHING },
    ];
    const signature = resolveSignature(sources);
    checkBatching(this.version, signature);
    this.#signature = signature;
    return signature;
  }

  #stateChanged(from: InstanceState, to: InstanceState): void {
    this.#metrics.instanceState(from.name, to.name);
    this.#readySlots = this.#instances.ready;
    this.#dependencies.statusChanged(this.version, this.#status());
    if (to.name === "ready") this.#schedule();
    // Where everything crashes, a crash says nothing of the request that ran.
    if (to.name === "quarantined") this.#quarantine.clear();
    if (to.name === "failed" || to.name === "quarantined") this.#failWaiting();
    if (this.#draining) this.#checkDrained();
  }

  #status(): VersionStatus {
    const ready = this.#readySlots;
    if (this.#signature !== null && (ready > 0 || (this.#isDormant && !this.#draining))) {
      this.#wasReady = true;
      return { state: "ready", signature: this.#signature, slots: ready, environments: [this.#environment] };
    }
    const states = this.#instances.all.map((instance) => instance.state.name);
    if (states.length > 0 && states.every((state) => state === "failed")) return { state: "failed", reason: this.#reason() };
    const waits = !this.#wasReady && states.some((state) => state !== "failed" && state !== "quarantined");
    return waits ? { state: "loading" } : { state: "unavailable", signature: this.#signature, reason: this.#reason() };
  }

  /** No instance is left that could answer what waits. */
  #failWaiting(): void {
    if (!this.#instances.hopeless) return;
    const { name, version } = this.version;
    for (const invocation of this.#line.drain())
      invocation.fail(new IdiomError("MODEL_NOT_READY", `model '${name}' version '${version}' is not at ready state: ${this.#reason()}`));
  }

  #reason(): string {
    for (const { state } of this.#instances.all) if ("reason" in state) return state.reason;
    if (this.#draining) return "it is draining";
    return this.#instances.all.length === 0 ? this.#dependencies.capacity.full : "its instances are starting";
  }

  #checkDrained(): void {
    if (!this.#line.isEmpty) return;
    this.#instances.close();
    for (const instance of this.#instances.all) {
      if (instance.idle || !["ready", "draining", "stopped", "failed"].includes(instance.state.name)) instance.drain();
    }
    if (this.#instances.all.every((instance) => instance.state.name === "stopped" || instance.state.name === "failed"))
      this.#drained.resolve(this.#instances.gone());
  }
}

/** The one that runs, and what comes after it until the next rows are there: the last of one block and the first of the next. */
const BATCH_FRAMES_PER_SLOT = 8;

function failAll(invocations: readonly Invocation[], error: IdiomError): void {
  for (const invocation of invocations) invocation.fail(error);
}

const NOTHING: SignatureHints = { inputs: null, outputs: null };

/** Merging needs rows: dimension 0 of every input and output. */
function checkBatching(version: ModelVersion, signature: Signature): void {
  if (version.manifest.batching === null) return;
  for (const spec of [...signature.inputs, ...signature.outputs]) {
    if (spec.shape[0] === -1) continue;
    throw new IdiomError(
      "MODEL_INVALID",
      `batching is on, but dimension 0 of '${spec.name}' is ${spec.shape[0] ?? "not there"}, not -1: give every input and output a free first dimension, or remove batching`,
    );
  }
}
