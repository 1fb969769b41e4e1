// Level `landlock`: for containers, where no namespaces can be made. The kernel lets a process open only what is named here, signals and
// sockets do not leave, a filter refuses the system calls that it has no use for, and a keeper ends it with all that it has started.
import { randomBytes } from "node:crypto";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { PACKAGE_ROOT } from "../../src/package-root.ts";
import { type HarnessCommand, type SpawnedHandle, spawnHarness, type Wrapper } from "../../src/process/spawn.ts";
import { findTool } from "../runtimes.ts";
import { confinedProcess, firstChildOf, type Inside } from "./confined-process.ts";
import { watchFolder } from "./disk-watch.ts";
import { ATTACKS, type Launcher, nulSeparated, type SandboxOptions, withTemporaryFolder } from "./launcher.ts";
import { limitsAround, type ProcessLimits } from "./limits.ts";
import { PrivateFolders } from "./private-folders.ts";
import { callNumber, DENIED_CALLS, seccompFilter } from "./seccomp.ts";
import { asSlot, SlotUids } from "./slot-uids.ts";
import { hostMark } from "./strays.ts";
import { checkReachable, systemPaths } from "./visible.ts";

/** What is there for everybody at level `strict`; of /proc only what languages ask for. */
const READABLE = ["/dev/random", "/dev/urandom", "/proc/cpuinfo", "/proc/meminfo", "/proc/stat", "/proc/self"];
const WRITABLE = ["/dev/null", "/dev/zero", "/dev/full"];
/** Debian's OpenSSL ends programs that may not read its settings. */
const ENVIRONMENT = { OPENSSL_CONF: "/dev/null" };

/** @throws IdiomError when a tool is missing, naming the command that installs it. */
export function landlockLauncher({ data, models }: SandboxOptions): Launcher {
  const uids = process.getuid?.() === 0 ? new SlotUids() : null;
  const folders = new PrivateFolders();
  const perl = findTool("perl", data);
  const taskset = findTool("taskset", data);
  const hidden = [PACKAGE_ROOT, data, models];
  const [closed, open] = [false, true].map((network) => systemPaths(network, hidden)) as [string[], string[]];

  return {
    level: "landlock",
    tellsForksApart: false,
    layers: [
      "files: the system's libraries and its own folder to read, a private folder to write; names and sizes of others can be asked for (landlock)",
      "no network, no signals to others, no environment, no descriptors of the host",
      uids === null ? "no capabilities; the uid is the host's own" : "a uid of its own for each process, no capabilities",
      `${DENIED_CALLS} system calls refused, and sockets and namespaces by argument (seccomp)`,
      "limits for memory, processes, files and descriptors",
      "a keeper that ends all processes of a model together",
    ],
    stops: ATTACKS,
    launch: (command, { limits, visible }) =>
      asSlot(uids, async (uid) => {
        if (uid !== null) checkReachable([...visible, command.cwd]);
        const folder = folders.make(uid);
        const inside = withTemporaryFolder({ ...command, env: { ...ENVIRONMENT, ...command.env, ...hostMark() } }, folder);
        const pass = randomBytes(8).readBigUInt64LE() >> 1n;
        const readable = [...READABLE, ...(limits.network ? open : closed), ...visible];
        const filter = seccompFilter(process.arch, { network: limits.network, hostFiles: uid === null ? "owned" : "named", pass });
        const wrapper: Wrapper = {
          env: hostMark(),
          uid,
          feeds: [plan(inside, readable, folder, uid, pass, limits), filter],
          lifeline: true,
          around: (_words, fd) => [...limitsAround(taskset, limits, limits.tmpBytes), perl, KEEPER, String(fd)],
        };
        try {
          const child = await spawnHarness(inside, wrapper);
          // A keeper that was killed has ended nobody.
          void child.exited.then(({ signal }) => (signal === null ? folders.remove(folder) : folders.leave()));
          return confinedProcess(child, limits, insideKeeper(child, folder, limits));
        } catch (error) {
          folders.remove(folder);
          throw error;
        }
      }),
  };
}

const KEEPER = join(PACKAGE_ROOT, "workers", "sandbox", "keeper", "keeper.pl");

/** What the keeper reads: the kernel's numbers, the settings, then lists, each after its length. */
function plan({ command, env }: HarnessCommand, readable: readonly string[], folder: string, uid: number | null, pass: bigint, limits: ProcessLimits): Buffer {
  const numbers = (["prctl", "seccomp", "clone", "setsid", "setgroups", "setresgid", "setresuid"] as const).map((call) => callNumber(process.arch, call));
  const lists = [
    uid === null ? [] : [uid],
    readable.filter((path) => existsSync(path)),
    [...WRITABLE, folder],
    Object.entries(env).map(([name, value]) => `${name}=${value}`),
    command,
  ];
  return nulSeparated([...numbers, pass, limits.pids, limits.network ? 1 : 0, ...lists.flatMap((list) => [list.length, ...list])]);
}

function insideKeeper(child: SpawnedHandle, folder: string, limits: ProcessLimits): Inside {
  const harness = (): number | null => firstChildOf(child);
  return {
    harness,
    group: { kind: "below", pid: child.pid },
    // The keeper reaches all of them at once, and kills.
    kill: () => child.hangUp(),
    adopt: () => null,
    hasRunOut: () => false,
    watch: (exceeded) => watchFolder(folder, limits, exceeded),
  };
}
