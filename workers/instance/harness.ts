// One harness process: the handshake, one frame in flight, cancel and end. A new process is a new Harness.
import { type ErrorCode, IdiomError } from "../../src/core/errors.ts";
import type { Signature } from "../../src/core/signature.ts";
import type { ChildHandle, ExitCause } from "../../src/process/spawn.ts";
import { encodeJsonFrame, type Frame, FrameDecoder } from "./frame-codec.ts";
import { type Body, type FrameName, type HarnessFailure, HEADER_BYTES, PROTOCOL_VERSION, ProtocolViolation, parseBody, specToWire } from "./protocol.ts";
import type { ExitBlame } from "./state.ts";
import { decodeResult, encodeInfer, OutputMismatch, type ResultBody, type Segment } from "./tensor-codec.ts";

/** How a frame ended. `died` tells that the process is gone and the frame with it. */
export type FrameOutcome =
  | { readonly kind: "result"; readonly result: ResultBody }
  | { readonly kind: "failed"; readonly failure: HarnessFailure }
  | ({ readonly kind: "died" } & Ending);

/** Why a process is gone. */
export interface Ending {
  readonly reason: string;
  readonly blame: Blame;
  /** What a caller is told: INSTANCE_DIED, or the limit that was exceeded. */
  readonly code: ErrorCode;
}

export type Blame = Exclude<ExitBlame, "request">;

export interface HarnessEvents {
  hello(body: Body<"HELLO">): void;
  loaded(body: Body<"LOADED">): void;
  ready(body: Body<"READY">): void;
  loadFailed(failure: HarnessFailure): void;
  log(body: Body<"LOG">): void;
  /** The harness broke the protocol and has been killed. */
  violation(reason: string): void;
  /** Comes last, once, after the frame in flight has ended as `died`. */
  exited(ending: Ending): void;
}

interface InFlight {
  readonly id: number;
  readonly segments: readonly Segment[];
  readonly done: (outcome: FrameOutcome) => void;
}

/** Why the host ended a process. `model`: the model's own doing forced it (it broke the protocol, it never became ready). */
export interface Kill {
  readonly reason: string;
  readonly blame: Exclude<Blame, "unknown">;
}

export interface InitBody {
  readonly model: string;
  readonly version: string;
  readonly instance: string;
  readonly folder: string;
  readonly entry: string | null;
  readonly per: "batch" | "row";
  readonly content_type: string | null;
  readonly libraries: readonly string[];
  readonly max_frame: number;
}

const SIGNAL_EVERY_MS = 50;
/** Larger than anything that shares its memory with other buffers. */
const LARGE_FRAME = 2 ** 16;

/** What a harness sends before it serves, in this order. */
const HANDSHAKE: readonly FrameName[] = ["HELLO", "LOADED", "READY"];

export class Harness {
  readonly #child: ChildHandle;
  readonly #events: HarnessEvents;
  readonly #softCancel: "frame" | "signal";
  readonly #maxFrame: number;
  readonly #explain: (cause: ExitCause) => Ending;
  #signature: Signature | null = null;
  #inFlight: InFlight | null = null;
  /** How many frames of the handshake have come. */
  #handshake = 0;
  #nextId = 1;
  /** The id of the PING that has no answer yet. */
  #pinged: number | null = null;
  #killed: Kill | null = null;
  /** It has been asked to leave and has not said BYE. */
  #leaves = false;
  /** Repeats the soft cancel by signal until the frame has ended. */
  #signals: NodeJS.Timeout | null = null;

  /** `explain` says why a process has ended that nobody here has killed. */
  constructor(child: ChildHandle, softCancel: "frame" | "signal", maxFrame: number, events: HarnessEvents, explain = endingOf) {
    this.#child = child;
    this.#events = events;
    this.#softCancel = softCancel;
    this.#maxFrame = maxFrame;
    this.#explain = explain;
    const decoder = new FrameDecoder(maxFrame, (frame) => this.#receive(frame));
    child.input.on("data", (chunk: Buffer) => {
      if (this.#killed !== null) return;
      try {
        decoder.push(chunk);
      } catch (error) {
        this.#violate(error);
      }
    });
    void child.exited.then((cause) => this.#exit(cause));
  }

  get pid(): number {
    return this.#child.pid;
  }

  /** Null while nobody has killed it. */
  get killed(): Kill | null {
    return this.#killed;
  }

  init(body: InitBody): void {
    this.#child.output.write(encodeJsonFrame("INIT", 0, body));
  }

  bind(signature: Signature): void {
    this.#signature = signature;
    this.#child.output.write(encodeJsonFrame("BIND", 0, { inputs: signature.inputs.map(specToWire), outputs: signature.outputs.map(specToWire) }));
  }

  /** Sends one frame. Only while none is in flight. `done` is called exactly once. */
  infer(segments: readonly Segment[], done: (outcome: FrameOutcome) => void): void {
    if (this.#inFlight !== null) throw new IdiomError("INTERNAL", "a frame is in flight already");
    const frame = encodeInfer(this.#nextId, segments);
    const bodyBytes = frame.length - HEADER_BYTES;
    if (bodyBytes > this.#maxFrame) return done({ kind: "failed", failure: tooLarge(bodyBytes, this.#maxFrame) });
    this.#inFlight = { id: this.#nextId++, segments, done };
    this.#child.output.write(frame, frame.length < LARGE_FRAME ? undefined : () => release(frame));
  }

  /** Whether it has not answered the last PING yet. */
  get owesPong(): boolean {
    return this.#pinged !== null;
  }

  /** Asks for a sign of life; not again before the last one has come. */
  ping(): void {
    this.#pinged = this.#nextId++;
    this.#child.output.write(encodeJsonFrame("PING", this.#pinged, {}));
  }

  /** Asks the model to stop what is in flight. */
  cancel(reason: "deadline" | "cancelled"): void {
    if (this.#inFlight === null) return;
    if (this.#softCancel === "frame") {
      this.#child.output.write(encodeJsonFrame("CANCEL", this.#inFlight.id, { reason }));
      return;
    }
    // A harness that has not begun with the frame yet ignores the signal, and in a call it heeds the first one only.
    this.#child.interrupt();
    this.#signals ??= setInterval(() => this.#child.interrupt(), SIGNAL_EVERY_MS);
  }

  drain(): void {
    this.#leaves = true;
    this.#child.output.write(encodeJsonFrame("DRAIN", 0, {}));
  }

  kill(reason: string, blame: Kill["blame"] = "host"): void {
    this.#killed ??= { reason, blame };
    this.#child.kill("SIGKILL");
  }

  #receive(frame: Frame): void {
    this.#checkPhase(frame.type);
    switch (frame.type) {
      case "RESULT":
        return this.#answer(frame, this.#result(frame));
      case "ERROR":
        return this.#answer(frame, { kind: "failed", failure: parseBody("ERROR", frame.body) });
      case "HELLO":
        return this.#hello(parseBody("HELLO", frame.body));
      case "LOADED":
        return this.#events.loaded(parseBody("LOADED", frame.body));
      case "READY":
        return this.#events.ready(parseBody("READY", frame.body));
      case "FAILED":
        return this.#events.loadFailed(parseBody("FAILED", frame.body));
      case "LOG":
        return this.#events.log(parseBody("LOG", frame.body));
      case "BYE":
        return this.#bye(frame);
      case "PONG":
        return this.#pong(frame);
      default:
        throw new ProtocolViolation(`${frame.type} does not go to the host`);
    }
  }

  /** The frames of the handshake come once each and in order. */
  #checkPhase(type: FrameName): void {
    const next = HANDSHAKE[this.#handshake];
    if (type === next) this.#handshake++;
    else if (type === "FAILED" ? next === undefined : HANDSHAKE.includes(type)) throw new ProtocolViolation(`${type} where ${next ?? "an answer"} was due`);
  }

  #hello(body: Body<"HELLO">): void {
    if (body.protocol !== PROTOCOL_VERSION) throw new ProtocolViolation(`protocol version ${body.protocol}, the host speaks ${PROTOCOL_VERSION}`);
    this.#events.hello(body);
  }

  #bye({ body }: Frame): void {
    parseBody("BYE", body);
    if (!this.#leaves) throw new ProtocolViolation("nobody has asked for a BYE");
    this.#leaves = false;
  }

  #pong({ id, body }: Frame): void {
    parseBody("PONG", body);
    if (id !== this.#pinged) throw new ProtocolViolation("nobody has asked for a PONG");
    this.#pinged = null;
  }

  #result(frame: Frame): FrameOutcome {
    const inFlight = this.#expect(frame);
    try {
      return { kind: "result", result: decodeResult(frame.body, this.#signature as Signature, inFlight.segments) };
    } catch (error) {
      if (!(error instanceof OutputMismatch)) throw error;
      return { kind: "failed", failure: { kind: "INVALID_OUTPUT", type: null, message: error.message, traceback: [] } };
    }
  }

  #expect(frame: Frame): InFlight {
    if (this.#inFlight === null || this.#inFlight.id !== frame.id) {
      throw new ProtocolViolation(`stale answer ${frame.id}, in flight is ${this.#inFlight?.id ?? "nothing"}`);
    }
    return this.#inFlight;
  }

  #answer(frame: Frame, outcome: FrameOutcome): void {
    const { done } = this.#expect(frame);
    this.#inFlight = null;
    this.#clearSignals();
    done(outcome);
  }

  #clearSignals(): void {
    if (this.#signals !== null) clearInterval(this.#signals);
    this.#signals = null;
  }

  #violate(error: unknown): void {
    const reason = error instanceof ProtocolViolation ? `protocol violation: ${error.message}` : `internal error: ${(error as Error).stack}`;
    this.kill(reason, "model");
    this.#events.violation(reason);
  }

  #exit(cause: ExitCause): void {
    this.#child.output.destroy();
    const inFlight = this.#inFlight;
    this.#inFlight = null;
    this.#clearSignals();
    const ending: Ending = this.#killed === null ? this.#explain(cause) : { ...this.#killed, code: "INSTANCE_DIED" };
    inFlight?.done({ kind: "died", ...ending });
    this.#events.exited(ending);
  }
}

/** Gives the memory of a frame that is written back at once: it would be garbage for long where little else is made. */
function release(frame: Buffer): void {
  (frame.buffer as ArrayBuffer).transfer(0);
}

function tooLarge(bytes: number, limit: number): HarnessFailure {
  return { kind: "INVALID_INPUT", type: null, message: `the request takes a frame of ${bytes} bytes, the limit is ${limit}`, traceback: [] };
}

/** SIGKILL and SIGTERM come from outside (an operator, the kernel's OOM killer); everything else the model did itself. */
export function endingOf(cause: ExitCause): Ending {
  const blame = cause.signal === "SIGKILL" || cause.signal === "SIGTERM" ? "unknown" : "model";
  return { reason: describeExit(cause), blame, code: "INSTANCE_DIED" };
}

export function describeExit({ code, signal }: ExitCause): string {
  return signal === null ? `the process exited with status ${code}` : `the process was ended by ${signal}`;
}
