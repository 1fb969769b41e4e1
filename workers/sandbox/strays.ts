// Processes of models that outlived their host. Each is started with its host's identity, so that a later host finds and ends it.
import { allPids, pidNamespace, startedWith, startTimeOf } from "../../src/process/proc.ts";

const VARIABLE = "IDIOM_HOST";

/** What every process of a model is started with, besides its own environment. */
export function hostMark(): Readonly<Record<string, string>> {
  return { [VARIABLE]: identityOf(process.pid) };
}

/** Ends what hosts have left behind that are no more; returns how many processes that were. */
export function endStrays(): number {
  const strays = allPids().filter((pid) => {
    const host = startedWith(pid, VARIABLE);
    return host !== null && isStray(host);
  });
  return strays.filter(end).length;
}

/** A pid means something only within its namespace: the host of a container is none of ours. */
function identityOf(pid: number): string {
  return `${pid}:${startTimeOf(pid)}:${pidNamespace()}`;
}

function isStray(host: string): boolean {
  return host.endsWith(`:${pidNamespace()}`) && identityOf(Number(host.split(":")[0])) !== host;
}

function end(pid: number): boolean {
  try {
    process.kill(pid, "SIGKILL");
    return true;
  } catch {
    return false;
  }
}
