// What of root's rights a host needs that is root, where a container has taken some.
import { readFileSync } from "node:fs";

/** Of capabilities(7): numbers in the kernel's sets. */
const NEEDED: Readonly<Record<string, number>> = {
  /** Pipes are given to the model's user. */
  CAP_CHOWN: 0,
  /** Pipes that a model's user has made are opened. */
  CAP_DAC_OVERRIDE: 1,
  /** Processes of other users are stopped, interrupted and ended. */
  CAP_KILL: 5,
  CAP_SETGID: 6,
  CAP_SETUID: 7,
  /** A network namespace has a loopback interface. */
  CAP_NET_ADMIN: 12,
  /** What processes of other users hold is read under /proc. */
  CAP_SYS_PTRACE: 19,
  CAP_SYS_ADMIN: 21,
};

/** By their names, those that this process has not. */
export function missingCapabilities(status = readFileSync("/proc/self/status", "latin1")): string[] {
  const effective = BigInt(`0x${/^CapEff:\s*([0-9a-f]+)$/m.exec(status)?.[1] ?? "0"}`);
  return Object.keys(NEEDED).filter((name) => ((effective >> BigInt(NEEDED[name] as number)) & 1n) === 0n);
}
