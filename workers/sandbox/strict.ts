// Level `strict`: bubblewrap gives each process namespaces, files and a network of its own, a filter refuses the system calls that it
// has no use for, and limits bound what it takes.
import { PACKAGE_ROOT } from "../../src/package-root.ts";
import { childrenOf } from "../../src/process/proc.ts";
import { signalOf } from "../../src/process/signals.ts";
import { type ChildHandle, type ExitCause, type HarnessCommand, spawnHarness, type Wrapper } from "../../src/process/spawn.ts";
import { findTool } from "../runtimes.ts";
import { Forks } from "./forks.ts";
import type { ConfinedProcess, Confinement, Launcher } from "./launcher.ts";
import { type LimitTools, limitsAround, limitsInside, moveToCores, type ProcessLimits, SHARED_MEMORY_BYTES } from "./limits.ts";
import { processesIn, watchMemory } from "./memory-watch.ts";
import { type Overrun, overrunOfMemory } from "./overrun.ts";
import { DENIED_CALLS, seccompFilter } from "./seccomp.ts";
import { SlotUids } from "./slot-uids.ts";
import { hostMark } from "./strays.ts";
import { mountsOf, systemMounts } from "./visible.ts";

export interface StrictOptions {
  readonly data: string;
  /** The folder of models. */
  readonly models: string;
}

/** @throws IdiomError when a tool is missing, naming the command that installs it. */
export function strictLauncher({ data, models }: StrictOptions): Launcher {
  const isRoot = process.getuid?.() === 0;
  const uids = isRoot ? new SlotUids() : null;
  const bwrap = findTool("bwrap", data);
  const tools = { prlimit: findTool("prlimit", data), choom: findTool("choom", data), setpriv: findTool("setpriv", data), taskset: findTool("taskset", data) };
  const filters = { none: seccompFilter(process.arch, false), network: seccompFilter(process.arch, true) };
  const hidden = [PACKAGE_ROOT, data, models];

  return {
    level: "strict",
    tellsForksApart: true,
    layers: [
      `namespaces of its own for mounts, processes, network, IPC${isRoot ? "" : " and users"} (bubblewrap)`,
      "files: the system's libraries and its own folder, read-only; a private /tmp",
      "no network, no environment, no descriptors of the host",
      isRoot ? "a uid of its own for each process, no capabilities" : "no capabilities",
      `${DENIED_CALLS} system calls refused, and sockets and namespaces by argument (seccomp)`,
      "limits for memory, processes, files and descriptors",
    ],
    async launch(command, confinement) {
      const { limits } = confinement;
      const uid = uids?.take() ?? null;
      const identity = uid === null ? [] : becoming(tools.setpriv, uid);
      const wrapper: Wrapper = {
        env: hostMark(),
        uid,
        feeds: [nulSeparated(mounts(command, confinement, hidden, isRoot)), limits.network ? filters.network : filters.none],
        around: (words, fd) => [
          ...limitsAround(tools, limits),
          ...[bwrap, "--args", String(fd), "--seccomp", String(fd + 1), "--"],
          ...[...identity, ...limitsInside(tools, limits), ...words],
        ],
      };
      const started = spawnHarness(command, wrapper).then((child) => confinedHandle(child, limits, tools));
      void started
        .then(
          (child) => child.exited,
          () => {},
        )
        .then(() => uid !== null && uids?.release(uid));
      return started;
    },
  };
}

/** Inside, as the last step: until then root mounts, so that folders below ones that only root may enter can be shown. */
function becoming(setpriv: string, uid: number): string[] {
  const without = ["--clear-groups", "--bounding-set", "-all", "--inh-caps", "-all", "--ambient-caps", "-all"];
  return [setpriv, "--reuid", String(uid), "--regid", String(uid), ...without, "--"];
}

const AS_ROOT = ["--unshare-ipc", "--unshare-pid", "--unshare-uts", "--unshare-cgroup-try", "--cap-drop", "ALL"];
/** What `setpriv` needs to give everything up. */
const TO_BECOME_ANOTHER = ["CAP_SETUID", "CAP_SETGID", "CAP_SETPCAP"].flatMap((capability) => ["--cap-add", capability]);
const AS_USER = ["--unshare-ipc", "--unshare-pid", "--unshare-uts", "--unshare-cgroup-try", "--unshare-user", "--disable-userns", "--cap-drop", "ALL"];

function mounts({ cwd, env }: HarnessCommand, { visible, limits }: Confinement, hidden: readonly string[], isRoot: boolean): string[] {
  const privateFolder = (path: string, bytes: number): string[] => ["--size", String(bytes), "--perms", "1777", "--tmpfs", path];
  return [
    ...(isRoot ? [...AS_ROOT, ...TO_BECOME_ANOTHER] : AS_USER),
    ...(limits.network ? [] : ["--unshare-net"]),
    ...["--die-with-parent", "--new-session", "--hostname", "sandbox", "--clearenv"],
    ...Object.entries(env).flatMap(([name, value]) => ["--setenv", name, value]),
    ...systemMounts(limits.network, hidden),
    ...["--proc", "/proc", "--dev", "/dev"],
    ...privateFolder("/dev/shm", SHARED_MEMORY_BYTES),
    ...privateFolder("/tmp", limits.tmpBytes),
    ...mountsOf(visible),
    ...["--remount-ro", "/dev", "--remount-ro", "/", "--chdir", cwd],
  ];
}

function nulSeparated(words: readonly string[]): Buffer {
  return Buffer.from(words.map((word) => `${word}\0`).join(""));
}

/**
 * The handle of bubblewrap as one of the process inside. Its `--json-status-fd` would tell the pids as well, but a bubblewrap that cannot
 * write there, because its host has just died, leaves its first process waiting forever.
 */
function confinedHandle(child: ChildHandle, limits: ProcessLimits, tools: LimitTools): ConfinedProcess {
  /** Takes all others with it; bubblewrap ends when they are gone. Null while nothing has been started. */
  const first = (): number | null => (child.ended ? null : (childrenOf(child.pid)[0] ?? null));
  const inside = (): number | null => {
    const parent = first();
    return parent === null ? null : (childrenOf(parent)[0] ?? null);
  };
  const kill = (signal: NodeJS.Signals): void => {
    const target = first();
    if (target === null) child.kill(signal);
    else signalProcess(target, signal);
  };
  let overrun: Overrun | null = null;
  const forks = new Forks({ first, parent: inside, end: () => kill("SIGKILL") }, limits);
  /** All that the sandbox's own /proc shows, but for its forks, which are watched by themselves. */
  const processes = (): readonly string[] => {
    const target = forks.none ? first() : inside();
    if (target === null) return [];
    return forks.none ? processesIn(`/proc/${target}/root/proc`) : [`/proc/${target}`];
  };
  const stopWatch = watchMemory(processes, limits.memoryBytes, (bytes) => {
    overrun = overrunOfMemory(bytes, limits);
    kill("SIGKILL");
  });
  const exited = child.exited.then((cause) => {
    stopWatch();
    forks.close();
    return causeInside(cause);
  });
  return {
    ...child,
    get pid() {
      return inside() ?? child.pid;
    },
    get ended() {
      return child.ended;
    },
    get overrun() {
      return overrun;
    },
    exited,
    adopt(pid) {
      const fork = forks.adopt(pid);
      if (fork !== null) moveToCores(tools, limits, fork.pid);
      return fork;
    },
    kill,
    interrupt() {
      const harness = inside();
      if (harness !== null) signalProcess(harness, "SIGINT");
    },
  };
}

/** Where a process ends by a signal, bubblewrap exits with 128 and its number, as shells do. */
function causeInside(cause: ExitCause): ExitCause {
  const signal = signalOf((cause.code ?? 0) - 128);
  return signal === undefined ? cause : { code: null, signal };
}

function signalProcess(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal);
  } catch {
    // It has just ended.
  }
}
