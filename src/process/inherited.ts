// Descriptors that this process was started with and never asked for: every process that it starts would inherit them.
import { closeSync, readdirSync, readFileSync } from "node:fs";

const O_CLOEXEC = 0o2000000;
const LAST_STANDARD_FD = 2;

/** Closes what is open beyond standard error and would be passed on. What Node itself opens is never passed on. */
export function closeInherited(): void {
  for (const name of readdirSync("/proc/self/fd")) {
    const fd = Number(name);
    if (fd > LAST_STANDARD_FD && isPassedOn(fd)) closeSync(fd);
  }
}

function isPassedOn(fd: number): boolean {
  try {
    const flags = /^flags:\s*(\d+)/m.exec(readFileSync(`/proc/self/fdinfo/${fd}`, "utf8"))?.[1];
    return flags !== undefined && (Number.parseInt(flags, 8) & O_CLOEXEC) === 0;
  } catch {
    // It was the descriptor that the list itself was read with.
    return false;
  }
}
