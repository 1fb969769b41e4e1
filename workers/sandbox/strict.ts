// Level `strict`: bubblewrap gives each process namespaces, files and a network of its own, a filter refuses the system calls that it
// has no use for, and limits bound what it takes.
import { PACKAGE_ROOT } from "../../src/package-root.ts";
import { deviceOf } from "../../src/process/proc.ts";
import { type ChildHandle, type HarnessCommand, spawnHarness, type Wrapper } from "../../src/process/spawn.ts";
import { findTool } from "../runtimes.ts";
import { missingCapabilities } from "./capabilities.ts";
import { confinedProcess, firstChildOf, givenBackAtExit, type Inside, signalProcess } from "./confined-process.ts";
import { type ControlGroup, ControlGroups } from "./control-groups.ts";
import { watchNames } from "./disk-watch.ts";
import { Forks } from "./forks.ts";
import { ATTACKS, type Confinement, type Launcher, nulSeparated, type SandboxOptions, withTemporaryFolder } from "./launcher.ts";
import { limitsAround, limitsInside, moveToCores, type ProcessLimits } from "./limits.ts";
import { DENIED_CALLS, seccompFilter } from "./seccomp.ts";
import { asSlot, becoming, SlotUids } from "./slot-uids.ts";
import { hostMark } from "./strays.ts";
import { mountsOf, systemMounts } from "./visible.ts";
import { firstBelow, type WatchedProcesses } from "./watched-processes.ts";

const PRIVATE_FOLDERS = ["/tmp", "/dev/shm"] as const;
/** What each instance has of its private /dev/shm. */
const SHARED_MEMORY_BYTES = 32 * 2 ** 20;
/** What the kernel itself keeps for the processes: tables of pages, pipes, sockets. */
const KERNEL_BYTES = 64 * 2 ** 20;
/** A full /tmp is an error that the model can handle; a file that is too long ends the process. */
const FILE_HEADROOM_BYTES = 2 ** 20;

/** @throws Error where root has not all of its rights; IdiomError when a tool is missing, naming the command that installs it. */
export async function strictLauncher({ data, models }: SandboxOptions): Promise<Launcher> {
  const isRoot = process.getuid?.() === 0;
  const missing = isRoot ? missingCapabilities() : [];
  if (missing.length > 0) throw new Error(`root has not ${missing.join(", ")} here`);
  const uids = isRoot ? new SlotUids() : null;
  const bwrap = findTool("bwrap", data);
  const setpriv = findTool("setpriv", data);
  const [prlimit, taskset] = [findTool("prlimit", data), findTool("taskset", data)];
  const groups = await ControlGroups.open();
  const [closed, open] = [false, true].map((network) => seccompFilter(process.arch, { network, hostFiles: "hidden", pass: null })) as [Buffer, Buffer];
  const hidden = [PACKAGE_ROOT, data, models];

  return {
    level: "strict",
    tellsForksApart: true,
    layers: [
      `namespaces of its own for mounts, processes, network, IPC${isRoot ? "" : " and users"} (bubblewrap)`,
      "files: the system's libraries and its own folder, read-only; a private /tmp",
      "no network, no environment, no descriptors of the host",
      isRoot ? "a uid of its own for each sandbox, no capabilities" : "no capabilities",
      `${DENIED_CALLS} system calls refused, and sockets and namespaces by argument (seccomp)`,
      `limits for memory${groups === null ? "" : " (control groups as well)"}, processes, files and descriptors`,
    ],
    stops: ATTACKS,
    launch: (command, confinement) =>
      asSlot(uids, async (uid) => {
        const { limits } = confinement;
        const inside = withTemporaryFolder(command, "/tmp");
        const args = nulSeparated(mounts(inside, confinement, hidden, isRoot));
        const group = groups?.make(limits.sandboxMemoryBytes + (limits.tmpBytes + SHARED_MEMORY_BYTES) * limits.sharedBy + KERNEL_BYTES) ?? null;
        const wrapper: Wrapper = {
          env: hostMark(),
          uid,
          feeds: [args, limits.network ? open : closed],
          lifeline: false,
          around: (words, fd) => [
            ...limitsAround(taskset, limits, Math.max(limits.tmpBytes, SHARED_MEMORY_BYTES) * limits.sharedBy + FILE_HEADROOM_BYTES, group?.members),
            ...[bwrap, "--args", String(fd), "--seccomp", String(fd + 1), "--"],
            // As the last step: until then root mounts, so that folders below ones that only root may enter can be shown.
            ...[...(uid === null ? [] : becoming(setpriv, uid)), ...limitsInside(prlimit, limits.sandboxPids), ...words],
          ],
        };
        return givenBackAtExit(
          () => group?.remove(),
          async () => {
            const child = await spawnHarness(inside, wrapper);
            return confinedProcess(child, limits, insideBubblewrap(child, limits, taskset, group));
          },
        );
      }),
  };
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
    // The first process has the model's own user: its memory is a way to what limits do not hold for.
    ...(isRoot ? [] : ["--size", "4096", "--tmpfs", "/proc/1", "--remount-ro", "/proc/1"]),
    ...privateFolder("/dev/shm", SHARED_MEMORY_BYTES * limits.sharedBy),
    ...privateFolder("/tmp", limits.tmpBytes * limits.sharedBy),
    ...mountsOf(visible),
    ...["--remount-ro", "/dev", "--remount-ro", "/", "--chdir", cwd],
  ];
}

/** As the host sees them. Until bubblewrap has made them, what is there is the host's own. */
function privateMounts(first: number | null): string[] {
  return PRIVATE_FOLDERS.flatMap((folder) => {
    const inside = `/proc/${first}/root${folder}`;
    return deviceOf(inside) === deviceOf(folder) ? [] : [inside];
  });
}

/**
 * Its `--json-status-fd` would tell the pids as well, but a bubblewrap that cannot write there, because its host has just died, leaves
 * its first process waiting forever.
 */
function insideBubblewrap(child: ChildHandle, limits: ProcessLimits, taskset: string, group: ControlGroup | null): Inside {
  /** Takes all others with it; bubblewrap ends when they are gone. Null while nothing has been started. */
  const first = (): number | null => firstChildOf(child);
  const harness = (): number | null => {
    const parent = first();
    return parent === null ? null : firstBelow(parent);
  };
  const kill = (signal: NodeJS.Signals): void => {
    const target = first();
    if (target === null) child.kill(signal);
    else signalProcess(target, signal);
  };
  const hasRunOut = (): boolean => group?.hasRunOut() ?? false;
  const forks = new Forks({ first, parent: harness, hasRunOut, end: () => kill("SIGKILL") }, limits);
  return {
    harness,
    kill,
    get group(): WatchedProcesses {
      const parent = forks.living.length === 0 ? null : harness();
      return parent === null ? { kind: "namespace", wrapper: child.pid } : { kind: "tree", pid: parent, without: forks.living };
    },
    adopt(pid) {
      const fork = forks.adopt(pid);
      if (fork !== null) moveToCores(taskset, limits, fork.pid);
      return fork;
    },
    hasRunOut,
    watch: (exceeded) => {
      const stop = watchNames(() => privateMounts(first()), limits, exceeded);
      return () => {
        stop();
        forks.close();
      };
    },
  };
}
