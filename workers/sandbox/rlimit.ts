// Level `rlimit`: limits, and a uid of its own where the host is root. It stops accidents and nothing hostile; for development where
// neither of the stronger levels can be had.
import { descendantsOf } from "../../src/process/proc.ts";
import { type ChildHandle, spawnHarness, type Wrapper } from "../../src/process/spawn.ts";
import { findTool } from "../runtimes.ts";
import { confinedProcess, type Inside, signalProcess } from "./confined-process.ts";
import { type Launcher, type SandboxOptions, withTemporaryFolder } from "./launcher.ts";
import { limitsAround, limitsInside } from "./limits.ts";
import { asSlot, becoming, SlotUids } from "./slot-uids.ts";
import { hostMark } from "./strays.ts";
import { checkReachable } from "./visible.ts";

/** @throws IdiomError when a tool is missing, naming the command that installs it. */
export function rlimitLauncher({ data }: SandboxOptions): Launcher {
  const uids = process.getuid?.() === 0 ? new SlotUids() : null;
  const [taskset, setpriv, prlimit] = [findTool("taskset", data), findTool("setpriv", data), findTool("prlimit", data)];

  return {
    level: "rlimit",
    tellsForksApart: false,
    layers: [
      ...(uids === null ? [] : ["a uid of its own for each process, no capabilities"]),
      `limits for memory, ${uids === null ? "" : "processes, "}files and descriptors`,
      "no environment, no descriptors of the host",
    ],
    stops: uids === null ? [] : ["read the host's environment", "signal the host", "run as root", "use capabilities"],
    launch: (command, { limits, visible }) =>
      asSlot(uids, async (uid) => {
        if (uid !== null) checkReachable([...visible, command.cwd]);
        const inside = withTemporaryFolder(command, "/tmp");
        // Without a uid of its own it would be counted together with everything of the host's user.
        const identity = uid === null ? [] : [...becoming(setpriv, uid), ...limitsInside(prlimit, limits.pids)];
        const wrapper: Wrapper = {
          env: { ...inside.env, ...hostMark() },
          uid,
          feeds: [],
          lifeline: false,
          around: (words) => [...limitsAround(taskset, limits, limits.tmpBytes), ...identity, ...words],
        };
        const child = await spawnHarness(inside, wrapper);
        return confinedProcess(child, limits, insideNothing(child));
      }),
  };
}

function insideNothing(child: ChildHandle): Inside {
  return {
    harness: () => (child.ended ? null : child.pid),
    group: { kind: "tree", pid: child.pid, without: [] },
    kill(signal) {
      if (!child.ended) for (const pid of descendantsOf(child.pid)) signalProcess(pid, signal);
      child.kill(signal);
    },
    adopt: () => null,
    hasRunOut: () => false,
    watch: () => () => {},
  };
}
