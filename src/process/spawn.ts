// The only place that starts processes: harnesses with their transport, and tools that run to an end.
import { type ChildProcess, execFile, spawn } from "node:child_process";
import { closeSync, constants, fchownSync, mkdtempSync, openSync, rmSync } from "node:fs";
import { Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Readable } from "node:stream";
import { promisify } from "node:util";
import { drained } from "./drained.ts";

/** How a harness is reached: one socket pair on fd 3, or a pair of FIFOs on fds 3 and 4. */
export type Transport = "socket" | "fifo";

export interface HarnessCommand {
  readonly command: readonly string[];
  /** The whole environment of the process: nothing of the host's is inherited. */
  readonly env: Readonly<Record<string, string>>;
  readonly cwd: string;
  readonly transport: Transport;
  /** One more descriptor after those of the transport: a socket pair of its own, through which the process is asked to fork. */
  readonly control: boolean;
}

/** A program that starts the command in its place, and so decides what it may do. */
export interface Wrapper {
  /** The whole argument vector. `firstFd` is the descriptor of the first feed. */
  around(command: readonly string[], firstFd: number): readonly string[];
  /** The environment of the wrapper. */
  readonly env: Readonly<Record<string, string>>;
  /** What the wrapper reads, each to its end from a descriptor of its own. */
  readonly feeds: readonly Uint8Array[];
  /** Whether it is given one more descriptor after those, which is open as long as this process lives and has not hung up. */
  readonly lifeline: boolean;
  /** The uid that the command will have; null: this process's own. */
  readonly uid: number | null;
}

export interface ExitCause {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
}

export interface ChildHandle {
  readonly pid: number;
  /** From the harness. Ends when it closes its side or dies. */
  readonly input: Socket;
  /** To the harness. */
  readonly output: Socket;
  /** Null unless the command asks for it. */
  readonly control: Socket | null;
  readonly stdout: Readable;
  readonly stderr: Readable;
  /** Whether the process is gone; `exited` follows when what it wrote has been read. */
  readonly ended: boolean;
  /** After the process has ended and everything that it wrote has been read. */
  readonly exited: Promise<ExitCause>;
  /** Signals the process and its group; does nothing once it has ended. */
  kill(signal: NodeJS.Signals): void;
  /** SIGINT to the process alone: what it started itself goes on. */
  interrupt(): void;
}

/** A process that this one has started itself. */
export interface SpawnedHandle extends ChildHandle {
  /** Lets go of the wrapper's lifeline, if it has one. */
  hangUp(): void;
}

/** `wrapper` null: the command runs as it stands. @throws Error when the program cannot be started. */
export async function spawnHarness(command: HarnessCommand, wrapper: Wrapper | null = null): Promise<SpawnedHandle> {
  return command.transport === "socket" ? spawnOnSocket(command, wrapper) : spawnOnFifos(command, wrapper);
}

async function spawnOnSocket(command: HarnessCommand, wrapper: Wrapper | null): Promise<SpawnedHandle> {
  const child = start(command, wrapper, ["pipe"]);
  await started(child);
  const socket = child.stdio[FIRST_FREE_FD] as Socket;
  return handle(child, socket, socket, command.control ? (child.stdio[FIRST_FREE_FD + 1] as Socket) : null, lifelineOf(child, wrapper));
}

/** R opens descriptors by path, which fails on sockets; a FIFO pair that has lost its names serves. */
async function spawnOnFifos(command: HarnessCommand, wrapper: Wrapper | null): Promise<SpawnedHandle> {
  const folder = mkdtempSync(join(tmpdir(), "idiom-"));
  const [toHarness, fromHarness] = [join(folder, "in"), join(folder, "out")];
  const harnessEnds: number[] = [];
  const ownEnds: number[] = [];
  try {
    await runTool("mkfifo", ["-m", "600", toHarness, fromHarness]);
    // A FIFO opens for writing only once it has a reader, so each read end comes first.
    harnessEnds.push(openSync(toHarness, constants.O_RDONLY | constants.O_NONBLOCK));
    ownEnds.push(openSync(toHarness, constants.O_WRONLY));
    ownEnds.push(openSync(fromHarness, constants.O_RDONLY | constants.O_NONBLOCK));
    harnessEnds.push(openSync(fromHarness, constants.O_WRONLY));
    const uid = wrapper?.uid ?? null;
    if (uid !== null) for (const end of harnessEnds) fchownSync(end, uid, uid);
    const child = start(command, wrapper, harnessEnds);
    await started(child);
    const output = new Socket({ fd: ownEnds[0] as number, readable: false, writable: true });
    const input = new Socket({ fd: ownEnds[1] as number, readable: true, writable: false });
    return handle(child, input, output, command.control ? (child.stdio[FIRST_FREE_FD + 2] as Socket) : null, lifelineOf(child, wrapper));
  } catch (error) {
    ownEnds.forEach(closeSync);
    throw error;
  } finally {
    harnessEnds.forEach(closeSync);
    rmSync(folder, { recursive: true, force: true });
  }
}

function start({ command, env, cwd, control }: HarnessCommand, wrapper: Wrapper | null, transport: readonly ("pipe" | number)[]): ChildProcess {
  const own = control ? [...transport, "pipe" as const] : transport;
  const firstFd = FIRST_FREE_FD + own.length;
  const [program, ...args] = wrapper?.around(command, firstFd) ?? command;
  const feeds = Array.from({ length: feedsOf(wrapper) }, () => "pipe" as const);
  // Detached: a process group of its own, so that Ctrl-C at the terminal reaches the host alone and a kill reaches all of it.
  const child = spawn(program as string, args, {
    cwd,
    env: { ...(wrapper?.env ?? env) },
    detached: true,
    stdio: ["ignore", "pipe", "pipe", ...own, ...feeds],
  });
  if (wrapper !== null && child.pid !== undefined) feed(wrapper, child.stdio.slice(firstFd) as Socket[]);
  return child;
}

/** Descriptors 0, 1 and 2 are the model's. */
const FIRST_FREE_FD = 3;

/** With the lifeline, which is fed nothing. */
function feedsOf(wrapper: Wrapper | null): number {
  return wrapper === null ? 0 : wrapper.feeds.length + (wrapper.lifeline ? 1 : 0);
}

function lifelineOf(child: ChildProcess, wrapper: Wrapper | null): Socket | null {
  return wrapper?.lifeline ? (child.stdio.at(-1) as Socket) : null;
}

/** A wrapper that fails closes its ends; what it printed and its exit tell the story. */
function feed({ feeds }: Wrapper, ends: readonly Socket[]): void {
  for (const end of ends) end.on("error", () => end.destroy());
  feeds.forEach((bytes, i) => void ends[i]?.end(bytes));
}

function started(child: ChildProcess): Promise<void> {
  return new Promise((resolve, reject) => {
    child.once("spawn", resolve);
    child.once("error", reject);
  });
}

function signalGroup(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(-pid, signal);
  } catch {
    // The group is empty: there is nobody left to signal.
  }
}

function handle(child: ChildProcess, input: Socket, output: Socket, control: Socket | null, lifeline: Socket | null): SpawnedHandle {
  let ended = false;
  const exited = new Promise<ExitCause>((resolve) => {
    child.once("exit", (code, signal) => {
      ended = true;
      // Ends what the process left behind in its group.
      signalGroup(child.pid as number, "SIGKILL");
      control?.destroy();
      lifeline?.destroy();
      void drained([input, child.stdout, child.stderr], output).then(() => resolve({ code, signal }));
    });
  });
  // A write to a harness that has just died fails; the exit tells the story.
  output.on("error", () => output.destroy());
  if (input !== output) input.on("error", () => input.destroy());
  control?.on("error", () => control.destroy());
  const pid = child.pid as number;
  return {
    pid,
    input,
    output,
    control,
    stdout: child.stdout as Readable,
    stderr: child.stderr as Readable,
    get ended() {
      return ended;
    },
    exited,
    kill(signal) {
      if (!ended) signalGroup(pid, signal);
    },
    interrupt() {
      if (!ended) child.kill("SIGINT");
    },
    hangUp: () => void lifeline?.destroy(),
  };
}

export interface ServerHandle {
  readonly pid: number;
  /** After the program has ended. */
  readonly exited: Promise<ExitCause>;
  /** The last lines that it printed. */
  printed(): string;
  kill(signal: NodeJS.Signals): void;
}

const KEPT_OUTPUT_CHARS = 4000;

/**
 * Runs a program as long as its fd 3 is open: the pipe closes with this process, however that ends. Then nobody is left to remove
 * the program's folder.
 */
const UNTIL_HANGUP = `folder=$1; shift; "$@" 3<&- & pid=$!
(cat <&3 >/dev/null; kill $pid && while kill -0 $pid; do sleep 0.1; done && rm -rf "$folder") 2>/dev/null & wait $pid`;

/**
 * Starts a helper server that lives no longer than this process. What it has in `scratchFolder` is removed when this process dies; to
 * remove it after `exited` is the caller's. @throws Error when the program cannot be started.
 */
export async function spawnServer(program: string, args: readonly string[], scratchFolder: string): Promise<ServerHandle> {
  const child = spawn("sh", ["-c", UNTIL_HANGUP, "sh", scratchFolder, program, ...args], { stdio: ["ignore", "pipe", "pipe", "pipe"], detached: true });
  await started(child);
  let printed = "";
  const keep = (chunk: Buffer): void => {
    printed = (printed + chunk.toString()).slice(-KEPT_OUTPUT_CHARS);
  };
  const hangup = child.stdio[3] as Socket;
  child.stdout?.on("data", keep);
  child.stderr?.on("data", keep);
  const exited = new Promise<ExitCause>((resolve) => {
    child.once("exit", () => hangup.destroy());
    // The shell may end before the program: only the last of them closes the pipes.
    child.once("close", (code, signal) => resolve({ code, signal }));
  });
  return { pid: child.pid as number, exited, printed: () => printed.trim(), kill: (signal) => signalGroup(child.pid as number, signal) };
}

const execFileAsync = promisify(execFile);

export interface ToolOptions {
  /** Default: the host's. */
  readonly cwd?: string;
  /** The whole environment of the tool; default: the host's. */
  readonly env?: Readonly<Record<string, string>>;
  readonly timeoutMs?: number;
}

/**
 * Runs a tool to its end and returns its standard output.
 * @throws Error whose message ends with the tool's standard error.
 */
export async function runTool(program: string, args: readonly string[], { timeoutMs = 60_000, ...options }: ToolOptions = {}): Promise<string> {
  try {
    const { stdout } = await execFileAsync(program, args, { ...options, timeout: timeoutMs, maxBuffer: 16 * 2 ** 20 });
    return stdout;
  } catch (error) {
    const { stderr } = error as { stderr?: string };
    throw new Error(`${program} failed: ${stderr?.trim() || (error as Error).message}`, { cause: error });
  }
}
