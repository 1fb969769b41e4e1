// A supervised place for one harness process of a model version: starts it, restarts it after a crash, gives it frames.
import type { Readable } from "node:stream";
import type { Logger } from "pino";
import { IdiomError } from "../../src/core/errors.ts";
import { MAX_FRAME_BYTES } from "../../src/core/limits.ts";
import type { ModelVersion } from "../../src/core/model.ts";
import type { Signature, SignatureHints } from "../../src/core/signature.ts";
import type { HarnessCommand } from "../../src/process/spawn.ts";
import type { Confinement, ProcessSource } from "../sandbox/launcher.ts";
import { Diagnosis } from "./diagnosis.ts";
import { type Ending, type FrameOutcome, Harness, type HarnessEvents } from "./harness.ts";
import type { KillDistance } from "./kill-distance.ts";
import { captureLines, LineLimit } from "./log-capture.ts";
import { type Body, hintsFromWire } from "./protocol.ts";
import { DEFAULT_POLICY, type ExitBlame, INITIAL, type InstanceEvent, type InstanceState, type Supervision, transition } from "./state.ts";
import type { Segment } from "./tensor-codec.ts";

/** What a version needs to run on this node, resolved once. */
export interface PreparedVersion {
  readonly version: ModelVersion;
  readonly command: HarnessCommand;
  readonly confinement: Confinement;
  readonly softCancel: "frame" | "signal";
  /** Whether one process may load the model and fork the instances. */
  readonly forks: boolean;
  readonly libraries: readonly string[];
  /** The digest of what a process runs with that starts now and says this version of its language. */
  readonly environmentOf: (languageVersion: string) => string;
}

export interface InstanceExit {
  /** ms since 1970. */
  readonly atMs: number;
  /** How it ended (signal, exit status or why the host killed it), and the last lines that it printed to standard error. */
  readonly reason: string;
}

export interface InstanceHooks {
  /** Resolves the signature out of what the code and the artifact say. @throws IdiomError MODEL_INVALID */
  resolveSignature(hints: SignatureHints, artifact: SignatureHints | null): Signature;
  /** A process has started, with this version of its language. */
  started(languageVersion: string): void;
  /** Shared by the instances of a version. */
  readonly killDistance: KillDistance;
  stateChanged(from: InstanceState, to: InstanceState): void;
  /** Whether the version has been ready here. */
  wasReady(): boolean;
  /** Whether another instance of the version has answered since then, as performance.now(). */
  siblingAnswered(since: number): boolean;
}

const LOAD_TIMEOUT_MS = 60_000;
/** What has been ready for so long serves, though nobody has asked it. */
const SERVES_AFTER_MS = 1000;
/** Whoever has been idle for so long is asked for a sign of life, again and again. */
const PING_EVERY_MS = 10_000;
/** The least time for it: a machine may be that busy. */
const LEAST_PONG_LOOKS = 5;
/** Between the soft cancel of a frame and the kill. */
const CANCEL_GRACE_MS = 500;

export class Instance {
  readonly name: string;
  readonly #prepared: PreparedVersion;
  readonly #launcher: ProcessSource;
  readonly #hooks: InstanceHooks;
  readonly #log: Logger;
  #supervision: Supervision = INITIAL;
  #harness: Harness | null = null;
  #timer: NodeJS.Timeout | null = null;
  #frameTimer: NodeJS.Timeout | null = null;
  #busy = false;
  /** The frame in flight is run to find out which of its requests ended a process. */
  #onTrial = false;
  #launchedAt = 0;
  #readySince = 0;
  #idleSince = 0;
  #requests = 0;
  #pingedAt = 0;
  /** For how many looks it has owed an answer to a PING. */
  #silentLooks = 0;
  #lastExit: InstanceExit | null = null;
  /** Of this generation. */
  #diagnosis = new Diagnosis(null);

  constructor(index: number, prepared: PreparedVersion, launcher: ProcessSource, hooks: InstanceHooks, log: Logger) {
    const { name, version } = prepared.version;
    this.name = `${name}/${version}#${index}`;
    this.#prepared = prepared;
    this.#launcher = launcher;
    this.#hooks = hooks;
    this.#log = log.child({ model: name, version, instance: this.name });
  }

  get state(): InstanceState {
    return this.#supervision.state;
  }

  get generation(): number {
    return this.#supervision.generation;
  }

  /** Ready and without a frame. */
  get idle(): boolean {
    return !this.#busy && this.#supervision.state.name === "ready";
  }

  /** performance.now() of when this generation became ready. */
  get readySince(): number {
    return this.#readySince;
  }

  /** performance.now() of when it became ready, or of its last answer. */
  get idleSince(): number {
    return this.#idleSince;
  }

  /** How many this generation has run. */
  get requests(): number {
    return this.#requests;
  }

  /** How its last process ended, unless it was asked to. */
  get lastExit(): InstanceExit | null {
    return this.#lastExit;
  }

  /** Null while no process is up. For operators and tests; never an identity. */
  get pid(): number | null {
    return this.#harness?.pid ?? null;
  }

  start(): void {
    void this.#launch();
  }

  /**
   * Runs one frame. Only while idle. `done` is called exactly once; the slot is free again when it is called, or, when the
   * process died, once a new one is ready. At `limits.timeout` it is cancelled, then killed: `timedOut` tells at that moment.
   * `onTrial`: one of its requests is suspected of ending processes, so that another death says less about the model.
   */
  run(segments: readonly Segment[], onTrial: boolean, timedOut: () => void, done: (outcome: FrameOutcome) => void): void {
    this.#busy = true;
    this.#onTrial = onTrial;
    this.#frameTimer = setTimeout(() => {
      timedOut();
      this.cancel("deadline");
    }, this.#prepared.version.manifest.limits.timeoutMs);
    (this.#harness as Harness).infer(segments, (outcome) => {
      this.#clearFrameTimer();
      // A dead process frees nothing: until its exit has moved the state, the instance must not pass for idle.
      if (outcome.kind !== "died") {
        this.#requests += segments.length;
        this.#idleSince = performance.now();
        this.#busy = false;
        this.#onTrial = false;
        this.#silentLooks = 0;
        this.#diagnosis.answered();
        this.#apply({ name: "answered" });
      }
      done(this.#diagnosis.judged(outcome));
    });
  }

  /** Nobody waits for the frame in flight any more: asks the model to stop, and kills the process when it does not. */
  cancel(reason: "deadline" | "cancelled"): void {
    const harness = this.#harness;
    if (!this.#busy || harness === null) return;
    harness.cancel(reason);
    this.#clearFrameTimer();
    this.#frameTimer = setTimeout(() => {
      this.#hooks.killDistance.killed(performance.now());
      harness.kill(`killed: the model did not stop when it was asked to (${reason})`);
    }, this.#graceMs(reason));
  }

  /** At the model's own limit it has had its time; for callers that gave up sooner, kills keep a distance. */
  #graceMs(reason: "deadline" | "cancelled"): number {
    if (reason === "deadline") return CANCEL_GRACE_MS;
    const restMs = this.#hooks.killDistance.restMs(performance.now());
    return Math.max(CANCEL_GRACE_MS, Math.min(restMs, this.#prepared.version.manifest.limits.timeoutMs));
  }

  /**
   * Ends what is idle and gives no sign of life for `limits.timeout`: no call would have an answer in time. To be called once a second;
   * the calls are counted, not the time, so that a host that was itself held still does not blame the model. `now` as performance.now().
   */
  look(now: number): void {
    const harness = this.#harness;
    if (harness === null || !this.idle) return;
    const looks = Math.max(LEAST_PONG_LOOKS, Math.ceil(this.#prepared.version.manifest.limits.timeoutMs / 1000));
    if (!harness.owesPong) {
      this.#silentLooks = 0;
      if (now - Math.max(this.#idleSince, this.#pingedAt) < PING_EVERY_MS) return;
      this.#pingedAt = now;
      harness.ping();
    } else if (++this.#silentLooks >= looks) {
      // It gets no frame any more.
      this.#busy = true;
      harness.kill(`killed: it was idle and gave no sign of life for ${looks} s`, "model");
    }
  }

  /** Finishes the frame in flight, then ends the process. Ends at once what is not ready. */
  drain(): void {
    const { name } = this.#supervision.state;
    const harness = this.#harness;
    this.#clearTimer();
    this.#apply({ name: "drain" });
    if (harness === null) return;
    if (name === "ready") harness.drain();
    else harness.kill("killed: drained while it was starting");
  }

  kill(reason: string): void {
    this.#harness?.kill(reason);
  }

  #apply(event: InstanceEvent): void {
    const from = this.#supervision;
    const to = transition(from, event, DEFAULT_POLICY, Date.now(), Math.random());
    this.#supervision = to;
    if (to.state === from.state) return;
    const reason = "reason" in to.state ? { reason: to.state.reason } : {};
    const level = to.state.name === "failed" || to.state.name === "quarantined" ? "error" : to.state.name === "backoff" ? "warn" : "debug";
    this.#log[level]({ generation: to.generation, ...reason }, `instance ${from.state.name} -> ${to.state.name}`);
    this.#hooks.stateChanged(from.state, to.state);
    // Whoever heard of it may have moved it on.
    if (this.#supervision.state === to.state) this.#enter(to.state);
  }

  #enter(state: InstanceState): void {
    const { timeoutMs } = this.#prepared.version.manifest.limits;
    switch (state.name) {
      case "starting":
        return void this.#launch();
      case "backoff":
      case "quarantined":
        this.#timer = setTimeout(() => this.#apply({ name: "rested" }), state.delayMs);
        return;
      case "failed":
        this.#clearTimer();
        // It said why and should be gone; what stays is ended.
        this.#timer = setTimeout(() => this.#harness?.kill("killed: it stayed after it had failed to load"), CANCEL_GRACE_MS);
        return;
      case "ready":
      case "stopped":
        return this.#clearTimer();
      case "draining":
        // What runs has its time; who stays beyond it is ended.
        this.#timer = setTimeout(() => this.#harness?.kill("killed: it stayed after it was asked to leave"), timeoutMs + CANCEL_GRACE_MS);
        return;
      case "loading":
        return;
    }
  }

  async #launch(): Promise<void> {
    const { generation } = this.#supervision;
    const diagnosis = new Diagnosis(this.#launcher.level === "off" ? null : this.#prepared.confinement.limits);
    this.#diagnosis = diagnosis;
    this.#launchedAt = performance.now();
    this.#clearTimer();
    try {
      // It may wait here for a sibling to load, which has its own time.
      const child = await this.#launcher.launch(this.#prepared.command, this.#prepared.confinement);
      const harness = new Harness(child, this.#prepared.softCancel, MAX_FRAME_BYTES, this.#events(generation), (cause) => diagnosis.ending(cause, child));
      this.#harness = harness;
      this.#captureOutput(child.stdout, "stdout", () => {});
      this.#captureOutput(child.stderr, "stderr", (line) => diagnosis.printed(line));
      if (this.#supervision.state.name !== "starting") return harness.kill("killed: drained while it was starting");
      this.#timer = setTimeout(() => harness.kill(`killed: not ready ${LOAD_TIMEOUT_MS / 1000} s after its start`, "model"), LOAD_TIMEOUT_MS);
    } catch (error) {
      this.#apply({ name: "exited", reason: `cannot be started: ${(error as Error).message}`, blame: "model" });
    }
  }

  #captureOutput(stream: Readable, name: "stdout" | "stderr", printed: (line: string) => void): void {
    captureLines(
      stream,
      (line) => {
        this.#log.info({ stream: name }, line);
        printed(line);
      },
      (lines) => this.#log.warn({ stream: name, lines }, `${lines} lines were dropped: the model prints faster than the log takes`),
    );
  }

  /** Events of one process; those of an older generation are dropped. */
  #events(generation: number): HarnessEvents {
    const current = (act: () => void): void => {
      if (this.#supervision.generation === generation) act();
    };
    const limit = new LineLimit(() => {});
    const log = ({ level, message }: Body<"LOG">): void => {
      const kept = limit.take(message);
      if (kept === null) this.#harness?.kill("protocol violation: more LOG frames than the log takes", "model");
      else this.#log[level](kept);
    };
    return {
      hello: ({ language_version }) => current(() => this.#hello(language_version)),
      loaded: (body) => current(() => this.#loaded(body)),
      ready: ({ convention }) =>
        current(() => {
          if (convention === "row" && this.#prepared.version.manifest.per !== "row")
            this.#log.info('the function takes one row: write "per: row" into model.yaml, and requests that wait share a call');
          this.#ready();
        }),
      loadFailed: (failure) => current(() => this.#gaveUp(describeFailure(failure))),
      log: (body) => current(() => log(body)),
      violation: (reason) => this.#log.error({ generation }, reason),
      exited: (ending) => current(() => this.#exited(ending)),
    };
  }

  #hello(languageVersion: string): void {
    this.#hooks.started(languageVersion);
    this.#apply({ name: "hello" });
    const { version, libraries } = this.#prepared;
    const { manifest } = version;
    this.#harness?.init({
      model: version.name,
      version: version.version,
      instance: this.name,
      folder: version.folder,
      entry: manifest.entry,
      per: manifest.per,
      content_type: manifest.contentType,
      libraries,
      max_frame: MAX_FRAME_BYTES,
    });
  }

  #loaded({ hints, artifact }: Body<"LOADED">): void {
    try {
      this.#harness?.bind(this.#hooks.resolveSignature(hintsFromWire(hints), artifact === null ? null : hintsFromWire(artifact)));
    } catch (error) {
      this.#gaveUp(IdiomError.from(error).message);
      this.#harness?.kill("killed: its signature cannot be resolved");
    }
  }

  #ready(): void {
    this.#readySince = performance.now();
    this.#idleSince = this.#readySince;
    this.#requests = 0;
    this.#hooks.killDistance.started(this.#readySince - this.#launchedAt);
    this.#apply({ name: "ready" });
  }

  /** A version that has never been ready cannot be loaded as it is; of one that has, it is the end of one process, and the next one may do better. */
  #gaveUp(reason: string): void {
    if (this.#hooks.wasReady()) this.#harness?.kill(`the harness gave up: ${reason}`, "model");
    else this.#apply({ name: "load-failed", reason });
  }

  #exited({ reason, blame }: Ending): void {
    const exitBlame = this.#blame(blame);
    this.#harness = null;
    this.#busy = false;
    this.#onTrial = false;
    this.#clearFrameTimer();
    this.#clearTimer();
    if (this.#supervision.state.name !== "draining") this.#lastExit = { atMs: Date.now(), reason };
    this.#apply({ name: "exited", reason, blame: exitBlame });
  }

  /** It has answered, a sibling has while this one was there for it, or nobody has asked for long. */
  get #serves(): boolean {
    const since = this.#readySince;
    return this.#supervision.answered || this.#hooks.siblingAnswered(since) || performance.now() - since >= SERVES_AFTER_MS;
  }

  #blame(blame: Ending["blame"]): ExitBlame {
    if (blame === "model") return this.#onTrial ? "request" : "model";
    // Whoever ended it while nothing ran says nothing of a model that serves. One that ends itself again and again never does.
    return this.idle && this.#serves ? "host" : blame;
  }

  #clearTimer(): void {
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#timer = null;
  }

  #clearFrameTimer(): void {
    if (this.#frameTimer !== null) clearTimeout(this.#frameTimer);
    this.#frameTimer = null;
  }
}

function describeFailure(failure: { kind: string; type: string | null; message: string; traceback: readonly string[] }): string {
  const lines = failure.traceback.map((line) => `\n  ${line}`).join("");
  return `${failure.type === null ? "" : `${failure.type}: `}${failure.message}${lines}`;
}
