// From the configured level to a launcher that has been tried: what cannot be had stops the start, and nothing weaker takes its place.
import type { Logger } from "pino";
import { IdiomError } from "../../src/core/errors.ts";
import { type SandboxLevel, sandboxWarning } from "../../src/core/sandbox-level.ts";
import { closeInherited } from "../../src/process/inherited.ts";
import { landlockLauncher } from "./landlock.ts";
import type { Launcher, SandboxOptions } from "./launcher.ts";
import { unconfined } from "./off.ts";
import { attackOnce } from "./probe.ts";
import { rlimitLauncher } from "./rlimit.ts";
import { strictLauncher } from "./strict.ts";

const LAUNCHERS: Readonly<Record<SandboxLevel, (options: SandboxOptions) => Launcher | Promise<Launcher>>> = {
  strict: strictLauncher,
  landlock: landlockLauncher,
  rlimit: rlimitLauncher,
  off: () => unconfined,
};

/**
 * The launcher of this level, after a first process in it has tried to get out.
 * @throws IdiomError SANDBOX_UNAVAILABLE with the reason and what mends it.
 */
export async function openSandbox(level: SandboxLevel, options: SandboxOptions): Promise<Launcher> {
  closeInherited();
  try {
    const launcher = await LAUNCHERS[level](options);
    if (level === "off") return launcher;
    const succeeded = await attackOnce(launcher);
    if (succeeded.length > 0) throw new Error(`it does not hold: a process in it could ${succeeded.join(", ")}`);
    return launcher;
  } catch (error) {
    throw new IdiomError("SANDBOX_UNAVAILABLE", `models cannot be run at sandbox level ${level}: ${(error as Error).message}\n${ADVICE[level]}`, {
      cause: error,
    });
  }
}

const TRUST = "Where every model is trusted as much as this process, IDIOM_SANDBOX=off serves them without a sandbox.";
const ADVICE: Readonly<Record<SandboxLevel, string>> = {
  strict: [
    "It needs bubblewrap 0.8 or newer and the right to make namespaces: root with the capabilities CHOWN, DAC_OVERRIDE, KILL, SETGID, SETUID, NET_ADMIN, SYS_PTRACE and SYS_ADMIN,",
    "or, as an ordinary user, user namespaces",
    "(sysctl kernel.apparmor_restrict_unprivileged_userns=0 on Ubuntu, user.max_user_namespaces above 0; in Docker --security-opt seccomp=unconfined).",
    "IDIOM_SANDBOX=landlock needs no namespaces, but Linux 6.12.",
    TRUST,
  ].join("\n"),
  landlock: [
    "It needs Linux 6.12 or newer with landlock switched on (lsm=landlock,... on the kernel's command line), and in Docker 20.10.18 or newer.",
    "IDIOM_SANDBOX=strict works on older kernels, where namespaces can be made.",
    TRUST,
  ].join("\n"),
  rlimit: TRUST,
  off: "",
};

/** Said at every start. */
export function announceSandbox({ level, layers }: Launcher, log: Logger): void {
  const warning = sandboxWarning(level);
  if (warning === null) log.info({ layers }, `sandbox level ${level}`);
  else log.warn({ layers }, `SANDBOX ${level.toUpperCase()}: ${warning}`);
}
