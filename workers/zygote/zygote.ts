// A sandboxed process that has loaded a version once and forks its instances (PROTOCOL.md, section 8).
import type { Socket } from "node:net";
import { PassThrough } from "node:stream";
import { openPipe } from "../../src/process/pipes.ts";
import { signalOf } from "../../src/process/signals.ts";
import type { ExitCause } from "../../src/process/spawn.ts";
import { encodeJsonFrame, type Frame, FrameDecoder } from "../instance/frame-codec.ts";
import { type Body, ProtocolViolation, parseBody } from "../instance/protocol.ts";
import type { ConfinedProcess } from "../sandbox/launcher.ts";
import { ForkedProcess } from "./forked-process.ts";

const MAX_CONTROL_FRAME_BYTES = 64 * 1024;
/** Of a fork. A zygote that takes longer hangs. */
const ANSWER_MS = 10_000;
/** The id of the fork that keeps the transport that the process was started with. */
const FIRST = 0;

type Pipes = Body<"FORKED">["pipes"];

export interface ZygoteEvents {
  /** The model cannot be forked; the process is an instance like any other. */
  unforkable(reason: string): void;
  /** It could be forked until now. */
  forkFailed(reason: string): void;
  /** It broke the protocol and has been killed. */
  violation(reason: string): void;
}

export class Zygote {
  /** The instance that the process was started for: the process itself until the model is loaded, then its first fork. */
  readonly first: ForkedProcess;
  /** What the process itself prints, then its first fork: bubblewrap holds the process's own output open beyond the end of that fork. */
  readonly #printed = { stdout: new PassThrough(), stderr: new PassThrough() };
  readonly #sandbox: ConfinedProcess;
  readonly #events: ZygoteEvents;
  /** Resolved when the model is loaded, or will not be. */
  readonly #loaded = Promise.withResolvers<ForkedProcess | null>();
  /** By their pids inside. */
  readonly #forks = new Map<number, ForkedProcess>();
  readonly #asked = new Map<number, PromiseWithResolvers<ForkedProcess | null>>();
  #state: "loading" | "forking" | "retired" = "loading";
  #lastId = FIRST;

  /** `sandbox`: a process that was started with a control descriptor. */
  constructor(sandbox: ConfinedProcess, events: ZygoteEvents) {
    this.#sandbox = sandbox;
    this.#events = events;
    this.first = new ForkedProcess(sandbox, { input: sandbox.input, output: sandbox.output, ...this.#printed });
    for (const name of ["stdout", "stderr"] as const) sandbox[name].pipe(this.#printed[name], { end: false });
    const decoder = new FrameDecoder(MAX_CONTROL_FRAME_BYTES, (frame) => this.#receive(frame));
    sandbox.control?.on("data", (chunk: Buffer) => {
      try {
        decoder.push(chunk);
      } catch (error) {
        sandbox.control?.destroy();
        events.violation((error as Error).message);
        sandbox.kill("SIGKILL");
      }
    });
    void sandbox.exited.then((cause) => this.#exited(cause));
  }

  /** A further instance, once the model is loaded; null when none can be forked, or none any more. */
  async fork(): Promise<ForkedProcess | null> {
    await this.#loaded.promise;
    if (this.#state !== "forking") return null;
    const id = ++this.#lastId;
    const answer = Promise.withResolvers<ForkedProcess | null>();
    this.#asked.set(id, answer);
    const hangs = setTimeout(() => this.#sandbox.kill("SIGKILL"), ANSWER_MS);
    this.#send("FORK", id);
    return answer.promise.finally(() => clearTimeout(hangs));
  }

  /** Ends it once it has forked, with what is left of its instances: until then it is an instance, which ends like any other. */
  async end(): Promise<void> {
    if (!this.first.isFork) return;
    this.#sandbox.kill("SIGKILL");
    await this.#sandbox.exited;
  }

  #receive(frame: Frame): void {
    switch (frame.type) {
      case "FORKED":
        return this.#forked(frame.id, parseBody("FORKED", frame.body));
      case "EXITED":
        return this.#forkExited(parseBody("EXITED", frame.body));
      case "FAILED":
        return this.#failed(frame.id, parseBody("FAILED", frame.body).message);
      default:
        throw new ProtocolViolation(`a ${frame.type} of a process that forks instances`);
    }
  }

  #forked(id: number, { pid, pipes }: Body<"FORKED">): void {
    if (this.#forks.has(pid)) throw new ProtocolViolation(`process ${pid} was forked twice`);
    const answer = id === FIRST ? this.#loaded : this.#answered(id);
    const forked = id === FIRST ? this.#firstFork(pid, pipes) : this.#nextFork(pid, pipes);
    this.#send("TAKEN", id);
    this.#forks.set(pid, forked);
    answer.resolve(forked);
  }

  #firstFork(pid: number, pipes: Pipes): ForkedProcess {
    if (this.#state !== "loading") throw new ProtocolViolation("the first instance was forked twice");
    this.#state = "forking";
    const [stdout, stderr] = this.#open([pipes.stdout, pipes.stderr], []) as [Socket, Socket];
    stdout.pipe(this.#printed.stdout);
    stderr.pipe(this.#printed.stderr);
    this.first.becomes(this.#sandbox.adopt(pid));
    return this.first;
  }

  #nextFork(pid: number, { input, output, stdout, stderr }: Pipes): ForkedProcess {
    if (input === null || output === null) throw new ProtocolViolation("a fork without a transport");
    const [answers, out, err, requests] = this.#open([output, stdout, stderr], [input]) as [Socket, Socket, Socket, Socket];
    return new ForkedProcess(this.#sandbox, { input: answers, output: requests, stdout: out, stderr: err }, this.#sandbox.adopt(pid));
  }

  /** Our ends of pipes of the process: all of them or none. */
  #open(toRead: readonly number[], toWrite: readonly number[]): Socket[] {
    const opened: Socket[] = [];
    try {
      for (const fd of toRead) opened.push(openPipe(this.#sandbox.pid, fd, "read"));
      for (const fd of toWrite) opened.push(openPipe(this.#sandbox.pid, fd, "write"));
      return opened;
    } catch (error) {
      for (const socket of opened) socket.destroy();
      throw error;
    }
  }

  #forkExited({ pid, code, signal }: Body<"EXITED">): void {
    const forked = this.#forks.get(pid);
    if (forked === undefined) throw new ProtocolViolation(`process ${pid} was never forked`);
    this.#forks.delete(pid);
    void forked.end({ code, signal: signal === null ? null : (signalOf(signal) ?? "SIGKILL") });
    this.#endIfUnused();
  }

  #failed(id: number, reason: string): void {
    if (id === FIRST) {
      this.#state = "retired";
      this.#loaded.resolve(null);
      return this.#events.unforkable(reason);
    }
    this.#state = "retired";
    this.#events.forkFailed(reason);
    this.#answered(id).resolve(null);
    this.#endIfUnused();
  }

  #answered(id: number): PromiseWithResolvers<ForkedProcess | null> {
    const asked = this.#asked.get(id);
    if (asked === undefined) throw new ProtocolViolation(`nobody has asked for fork ${id}`);
    this.#asked.delete(id);
    return asked;
  }

  /** One that forks no more stays for the sake of its instances. */
  #endIfUnused(): void {
    if (this.#state === "retired" && this.#forks.size === 0 && this.#asked.size === 0) this.#sandbox.kill("SIGKILL");
  }

  /** What it has forked has died with it. */
  #exited(cause: ExitCause): void {
    this.#state = "retired";
    this.#loaded.resolve(null);
    for (const { resolve } of this.#asked.values()) resolve(null);
    if (!this.first.isFork) {
      for (const stream of Object.values(this.#printed)) stream.end();
      void this.first.end(cause);
    }
    const killed: ExitCause = { code: null, signal: "SIGKILL" };
    for (const forked of this.#forks.values()) void (this.#forks.size === 1 ? forked.end(killed) : forked.endAmongOthers(killed));
    this.#forks.clear();
  }

  #send(type: "FORK" | "TAKEN", id: number): void {
    this.#sandbox.control?.write(encodeJsonFrame(type, id, {}));
  }
}
