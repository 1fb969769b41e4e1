// From the configured level to a launcher that has been tried: what cannot be had stops the start, and nothing weaker takes its place.
import type { Logger } from "pino";
import { IdiomError } from "../../src/core/errors.ts";
import { closeInherited } from "../../src/process/inherited.ts";
import { type Launcher, type SandboxLevel, unconfined } from "./launcher.ts";
import { attackOnce } from "./probe.ts";
import { type StrictOptions, strictLauncher } from "./strict.ts";

/**
 * The launcher of this level, after a first process in it has tried to get out.
 * @throws IdiomError SANDBOX_UNAVAILABLE with the reason and what mends it.
 */
export async function openSandbox(level: SandboxLevel, options: StrictOptions): Promise<Launcher> {
  closeInherited();
  if (level === "off") return unconfined;
  try {
    const launcher = strictLauncher(options);
    const succeeded = await attackOnce(launcher);
    if (succeeded.length > 0) throw new Error(`it does not hold: a process in it could ${succeeded.join(", ")}`);
    return launcher;
  } catch (error) {
    throw new IdiomError("SANDBOX_UNAVAILABLE", `models cannot be run at sandbox level ${level}: ${(error as Error).message}\n${ADVICE}`, { cause: error });
  }
}

const ADVICE = [
  "It needs bubblewrap 0.8 or newer and the right to make namespaces: root with CAP_SYS_ADMIN, or user namespaces",
  "(sysctl kernel.apparmor_restrict_unprivileged_userns=0 on Ubuntu, user.max_user_namespaces above 0; in Docker --security-opt seccomp=unconfined).",
  "Where every model is trusted as much as this process, IDIOM_SANDBOX=off serves them without a sandbox.",
].join("\n");

/** Said at every start. */
export function announceSandbox(launcher: Launcher, log: Logger): void {
  if (launcher.level === "off")
    log.warn("SANDBOX OFF: models run with the rights of this process, read its files and use its network; serve only models that you trust");
  else log.info({ layers: launcher.layers }, `sandbox level ${launcher.level}`);
}
