// What a model may take: what its author asks for, held against what the operator allows, and the words of the tools that set it.
import { readFileSync } from "node:fs";
import { IdiomError } from "../../src/core/errors.ts";
import type { Manifest, ModelLimits, ModelVersion } from "../../src/core/model.ts";
import { formatSize } from "../../src/core/units.ts";
import { runTool } from "../../src/process/spawn.ts";
import type { RuntimeDefinition } from "../runtimes.ts";

/** The most that any model.yaml may ask for. */
export interface Allowance {
  readonly maxMemoryBytes: number;
  readonly maxCpus: number;
  readonly maxPids: number;
  readonly maxTmpBytes: number;
  /** Names of the models that may use the network. */
  readonly network: readonly string[];
}

export interface ProcessLimits extends ModelLimits {
  /** Private memory that one process may ask for. */
  readonly dataBytes: number;
  /** How many instances may share a sandbox: what belongs to the sandbox is theirs together, so that each has what model.yaml says. */
  readonly sharedBy: number;
  /** Memory of all that a sandbox may hold, without its temporary files. */
  readonly sandboxMemoryBytes: number;
  /** Processes and threads of a sandbox. */
  readonly sandboxPids: number;
}

/** Files that one process may have open. */
export const DESCRIPTORS = 256;
/** Under memory pressure the kernel ends a model before anything else. Where containers have more by themselves, none may have less. */
const OOM_SCORE = 900;

type Needs = Pick<RuntimeDefinition, "data_headroom_mb" | "forks">;

/** @throws IdiomError MODEL_INVALID where model.yaml asks for more than the operator allows. */
export function processLimits(runtime: Needs, { name, manifest }: ModelVersion, allowance: Allowance): ProcessLimits {
  const { data_headroom_mb } = runtime;
  const { limits } = manifest;
  const excess: readonly (readonly [key: string, asked: string, allowed: string, isExcess: boolean])[] = [
    ["memory", formatSize(limits.memoryBytes), `maxMemoryBytes: ${allowance.maxMemoryBytes}`, limits.memoryBytes > allowance.maxMemoryBytes],
    ["cpus", String(limits.cpus), `maxCpus: ${allowance.maxCpus}`, (limits.cpus ?? 0) > allowance.maxCpus],
    ["pids", String(limits.pids), `maxPids: ${allowance.maxPids}`, limits.pids > allowance.maxPids],
    ["tmp", formatSize(limits.tmpBytes), `maxTmpBytes: ${allowance.maxTmpBytes}`, limits.tmpBytes > allowance.maxTmpBytes],
    ["network", "allow", `network: [${allowance.network.join(", ")}]`, limits.network && !allowance.network.includes(name)],
  ];
  for (const [key, asked, allowed, isExcess] of excess) {
    if (!isExcess) continue;
    throw new IdiomError(
      "MODEL_INVALID",
      `model.yaml asks for limits.${key}: ${asked}, which this node does not allow; the operator's configuration says limits.${allowed}`,
    );
  }
  const dataBytes = limits.memoryBytes + data_headroom_mb * 2 ** 20;
  if (!(runtime.forks && manifest.instances.fork)) {
    return { ...limits, dataBytes, sharedBy: 1, sandboxMemoryBytes: limits.memoryBytes, sandboxPids: limits.pids };
  }
  const sharedBy = mostInstances(manifest);
  // And the process that they are forked from.
  return { ...limits, dataBytes, sharedBy, sandboxMemoryBytes: limits.memoryBytes * (sharedBy + 1), sandboxPids: limits.pids * sharedBy + 1 };
}

/** One more while it replaces another. */
function mostInstances({ instances: { max, recycle } }: Manifest): number {
  return max + (recycle === null ? 0 : 1);
}

/**
 * Before the sandbox is made, all by one shell: a tool for each would cost every start a millisecond. The address space is not limited:
 * the JVM and V8 reserve far more of it than they use. A file longer than `fileBytes` ends the process that writes it, unless that has
 * said otherwise. `members`: the file of a control group that takes new members.
 */
export function limitsAround(taskset: string, { dataBytes, cpus }: ProcessLimits, fileBytes: number, members: string | null = null): string[] {
  const score = Math.max(OOM_SCORE, Number(readFileSync("/proc/self/oom_score_adj", "latin1")));
  const steps: readonly (readonly [step: string, whatIsSet: string])[] = [
    ...(members === null ? [] : [['echo 0 >"$1"', "its control group"] as const]),
    [`echo ${score} >/proc/self/oom_score_adj`, "who is ended first for want of memory"],
    // In the units of POSIX's shell.
    [`ulimit -d ${Math.ceil(dataBytes / 1024)}`, "the limit of memory"],
    [`ulimit -f ${Math.ceil(fileBytes / 512)}`, "the limit of a file's length"],
    ["ulimit -c 0", "the limit of core files"],
    [`ulimit -n ${DESCRIPTORS}`, "the limit of open files"],
    ["ulimit -l 0", "the limit of locked memory"],
  ];
  const script = [...steps.map(([step, what]) => `${step} || { echo "${what} cannot be set" >&2; exit 1; }`), "shift", 'exec "$@"'].join("\n");
  return ["/bin/sh", "-c", script, "limits", members ?? "", ...(cpus === null ? [] : [taskset, "-c", someCores(cpus)])];
}

/** As the user that the model will be: the count of processes is kept for each user namespace and uid. */
export function limitsInside(prlimit: string, pids: number): string[] {
  return [prlimit, `--nproc=${pids}`, "--"];
}

/** A process that was forked runs where its parent does: gives it as many cores as one instance may have. */
export function moveToCores(taskset: string, { cpus }: ProcessLimits, pid: number): void {
  // Where it fails the process has just ended.
  if (cpus !== null) void runTool(taskset, ["-a", "-c", "-p", someCores(cpus), String(pid)]).catch(() => {});
}

let nextCore = 0;

/** So many of this process's cores, other ones each time, as `taskset -c` takes them. */
function someCores(count: number): string {
  const cores = ownCores();
  const chosen = Array.from({ length: Math.min(count, cores.length) }, () => cores[nextCore++ % cores.length]);
  return chosen.join(",");
}

function ownCores(): number[] {
  const list = /^Cpus_allowed_list:\s*(\S+)/m.exec(readFileSync("/proc/self/status", "utf8"))?.[1] ?? "0";
  return list.split(",").flatMap((range) => {
    const [first = 0, last = first] = range.split("-").map(Number);
    return Array.from({ length: last - first + 1 }, (_, i) => first + i);
  });
}
