// Which limit ended a process or a call: what the kernel, the languages and our own watch say of it, as an error that names the limit.
import type { ErrorCode } from "../../src/core/errors.ts";
import { formatSize } from "../../src/core/units.ts";
import { DESCRIPTORS, type ProcessLimits } from "./limits.ts";

export interface Overrun {
  readonly code: ErrorCode;
  /** Which limit, and how to raise it. */
  readonly advice: string;
  /** Several instances have exceeded it together: nobody knows whose doing it was. */
  readonly together?: true;
}

type Limited = "OUT_OF_MEMORY" | "TOO_MANY_PROCESSES" | "TOO_MANY_FILES" | "DISK_FULL" | "READ_ONLY";

/** The words of errno in C, Python, R, Java and Node; the first that is found counts. */
const SIGNS: readonly (readonly [Limited, RegExp])[] = [
  [
    "TOO_MANY_PROCESSES",
    /resource temporarily unavailable|\bEAGAIN\b|can't start new thread|unable to create native thread|unable to fork|thread constructor failed/i,
  ],
  ["TOO_MANY_FILES", /too many open files|\bEMFILE\b/i],
  ["DISK_FULL", /no space left on device|\bENOSPC\b|file too large|\bEFBIG\b|file size limit exceeded/i],
  ["READ_ONLY", /read-only file system|\bEROFS\b/i],
  [
    "OUT_OF_MEMORY",
    /cannot allocate (?:memory|vector)|failed to allocate memory|\bENOMEM\b|(?<!CUDA )out of memory|array buffer allocation failed|MemoryError|OutOfMemoryError|bad_alloc/i,
  ],
];

/** What a text that a model's runtime printed or raised says of a limit; null: nothing. */
export function overrunIn(text: string, limits: ProcessLimits): Overrun | null {
  const sign = SIGNS.find(([, pattern]) => pattern.test(text));
  return sign === undefined ? null : overrun(sign[0], limits);
}

/** What a signal says of a limit that ends a process. */
export function overrunBySignal(signal: NodeJS.Signals | null, limits: ProcessLimits): Overrun | null {
  return signal === "SIGXFSZ" ? overrun("DISK_FULL", limits) : null;
}

/** `usedBytes`: what all processes of the model take together. */
export function overrunOfMemory(usedBytes: number, limits: ProcessLimits): Overrun {
  const { code, advice } = overrun("OUT_OF_MEMORY", limits);
  return { code, advice: `its processes took ${formatSize(usedBytes)} of memory; ${advice}` };
}

/** The kernel has ended one of its processes. */
export function overrunOfGroup(limits: ProcessLimits): Overrun {
  const { code, advice } = overrun("OUT_OF_MEMORY", limits);
  return { code, advice: `its processes and temporary files together took more than a sandbox may; ${advice}` };
}

/** `usedBytes`: what its files in the folder for temporary ones take. */
export function overrunOfDisk(usedBytes: number, limits: ProcessLimits): Overrun {
  const { code, advice } = overrun("DISK_FULL", limits);
  return { code, advice: `its files took ${formatSize(usedBytes)}; ${advice}` };
}

function overrun(limited: Limited, { memoryBytes, pids, tmpBytes }: ProcessLimits): Overrun {
  switch (limited) {
    case "OUT_OF_MEMORY":
      return { code: limited, advice: `the model may take ${formatSize(memoryBytes)}; raise limits.memory in model.yaml` };
    case "TOO_MANY_PROCESSES":
      return { code: limited, advice: `the model may have ${pids} processes and threads; raise limits.pids in model.yaml` };
    case "TOO_MANY_FILES":
      return { code: limited, advice: `a process of the model may have ${DESCRIPTORS} files open, which cannot be raised; close those that are not needed` };
    case "DISK_FULL":
      return { code: limited, advice: `the model may write ${formatSize(tmpBytes)} of temporary files; raise limits.tmp in model.yaml` };
    case "READ_ONLY":
      return { code: "MODEL_ERROR", advice: "in the sandbox a model writes to its TMPDIR alone, and what is there does not last" };
  }
}
