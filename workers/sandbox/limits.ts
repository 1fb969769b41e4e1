// What a process may take, as the words of the tools that set it.
import type { ModelVersion } from "../../src/core/model.ts";
import type { RuntimeDefinition } from "../runtimes.ts";

export interface ProcessLimits {
  /** Private memory that one process may ask for. */
  readonly dataBytes: number;
  /** Processes and threads. */
  readonly pids: number;
  /** Longest file that it may write. */
  readonly fileBytes: number;
}

export interface LimitTools {
  readonly prlimit: string;
  readonly choom: string;
}

const MAX_FILE_BYTES = 64 * 2 ** 20;
const DESCRIPTORS = 256;
/** Under memory pressure the kernel ends a model before anything else. */
const OOM_SCORE = 900;
const PIDS = 64;

/** A runtime that keeps its own limit needs some room beyond it, so that its own error comes first. */
export function processLimits({ data_headroom_mb }: RuntimeDefinition, { memoryBytes }: ModelVersion["manifest"]["limits"]): ProcessLimits {
  return { dataBytes: memoryBytes + data_headroom_mb * 2 ** 20, pids: PIDS, fileBytes: MAX_FILE_BYTES };
}

/** Before the sandbox is made. The address space is not limited: the JVM and V8 reserve far more of it than they use. */
export function limitsAround({ prlimit, choom }: LimitTools, { dataBytes, fileBytes }: ProcessLimits): string[] {
  return [
    ...[prlimit, `--data=${dataBytes}`, `--fsize=${fileBytes}`, "--core=0", `--nofile=${DESCRIPTORS}`, "--memlock=0", "--"],
    ...[choom, "-n", String(OOM_SCORE), "--"],
  ];
}

/** Inside: the count of processes is kept for each user namespace and uid. */
export function limitsInside({ prlimit }: LimitTools, { pids }: ProcessLimits): string[] {
  return [prlimit, `--nproc=${pids}`, "--"];
}
