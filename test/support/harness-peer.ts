// A Harness whose process is the test: a real socket pair, the test at its other end.
import { EventEmitter, once } from "node:events";
import { connect, createServer, type Socket } from "node:net";
import { join } from "node:path";
import { PassThrough } from "node:stream";
import type { TestContext } from "node:test";
import { MAX_FRAME_BYTES } from "../../src/core/limits.ts";
import type { ExitCause } from "../../src/process/spawn.ts";
import { type Frame, FrameDecoder } from "../../workers/instance/frame-codec.ts";
import { type FrameOutcome, Harness, type HarnessEvents } from "../../workers/instance/harness.ts";
import type { Segment } from "../../workers/instance/tensor-codec.ts";
import { temporaryFolder } from "./folders.ts";

const EVENT_NAMES = ["hello", "loaded", "ready", "loadFailed", "log", "violation", "exited"] as const satisfies readonly (keyof HarnessEvents)[];

export class HarnessPeer {
  readonly harness: Harness;
  /** Signals that the host sent to the process. */
  readonly signals: NodeJS.Signals[] = [];
  /** Emits what the host hears, by the names of HarnessEvents, and `frame` for each one that it sends. */
  readonly heard = new EventEmitter();
  readonly #socket: Socket;
  readonly #frames: Frame[] = [];
  readonly #exit: (cause: ExitCause) => void;

  private constructor(own: Socket, hosts: Socket, softCancel: "frame" | "signal") {
    this.#socket = own;
    const decoder = new FrameDecoder(MAX_FRAME_BYTES, (frame) => {
      this.#frames.push({ ...frame, body: Buffer.from(frame.body) });
      this.heard.emit("frame");
    });
    own.on("data", (chunk: Buffer) => decoder.push(chunk));
    own.on("error", () => own.destroy());
    const exit = Promise.withResolvers<ExitCause>();
    this.#exit = exit.resolve;
    const child = {
      pid: 0,
      input: hosts,
      output: hosts,
      control: null,
      stdout: new PassThrough(),
      stderr: new PassThrough(),
      ended: false,
      exited: exit.promise,
      kill: (signal: NodeJS.Signals) => {
        this.signals.push(signal);
        if (signal === "SIGKILL") this.exit({ code: null, signal });
      },
      interrupt: () => void this.signals.push("SIGINT"),
    };
    const events = Object.fromEntries(EVENT_NAMES.map((name) => [name, (body: unknown) => this.heard.emit(name, body)])) as unknown as HarnessEvents;
    this.harness = new Harness(child, softCancel, MAX_FRAME_BYTES, events);
  }

  static async open(test: TestContext, softCancel: "frame" | "signal" = "frame"): Promise<HarnessPeer> {
    const path = join(temporaryFolder(test), "pair");
    const server = createServer();
    await once(server.listen(path), "listening");
    const own = connect(path);
    const [[hosts]] = (await Promise.all([once(server, "connection"), once(own, "connect")])) as [[Socket], unknown];
    server.close();
    const peer = new HarnessPeer(own, hosts, softCancel);
    test.after(() => {
      peer.#exit({ code: 0, signal: null });
      own.destroy();
      hosts.destroy();
    });
    return peer;
  }

  /** What the host heard next under this name, of what `bytes` say. Fails when that breaks the protocol instead. */
  says(bytes: Uint8Array, event: (typeof EVENT_NAMES)[number]): Promise<unknown> {
    const heard = new Promise((resolve, reject) => {
      this.heard.once(event, resolve);
      if (event !== "violation" && event !== "exited") this.heard.once("violation", (reason: string) => reject(new Error(reason)));
    });
    this.#socket.write(bytes);
    return heard;
  }

  /** Gives the host a frame to send and waits until it is here; `outcome` is how it ends. */
  async receives(segments: readonly Segment[]): Promise<{ frame: Frame; outcome: Promise<FrameOutcome> }> {
    const outcome = new Promise<FrameOutcome>((resolve) => this.harness.infer(segments, resolve));
    return { frame: await this.nextFrame(), outcome };
  }

  write(bytes: Uint8Array): void {
    this.#socket.write(bytes);
  }

  /** The next frame from the host that nobody has asked for yet. */
  async nextFrame(): Promise<Frame> {
    for (;;) {
      const frame = this.#frames.shift();
      if (frame !== undefined) return frame;
      await once(this.heard, "frame");
    }
  }

  /** The process ends; resolves when the host has heard of it. */
  async exit(cause: ExitCause): Promise<unknown> {
    const heard = once(this.heard, "exited");
    this.#socket.destroy();
    this.#exit(cause);
    const [body] = await heard;
    return body;
  }
}
