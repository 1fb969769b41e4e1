// What outlived its host: processes of models, and folders that they wrote to. Each bears its host's identity, so that a later host finds it.
import { lstatSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { allPids, pidNamespace, startedWith, startTimeOf } from "../../src/process/proc.ts";

const VARIABLE = "IDIOM_HOST_PROCESS";

/** What the first process of a sandbox is started with, and what follows it where nothing else holds them together. */
export function hostMark(): Readonly<Record<string, string>> {
  return { [VARIABLE]: identityOf(process.pid) };
}

/** How the names of this host's folders begin, where others have theirs as well. */
export function folderPrefix(): string {
  return `idiom-host-${identityOf(process.pid).replaceAll(":", "-")}-`;
}

/** Ends what hosts have left behind that are no more, and removes their folders; returns how many processes that were. */
export function endStrays(): number {
  const strays = allPids().filter((pid) => {
    const host = startedWith(pid, VARIABLE);
    return host !== null && isStray(host);
  });
  const ended = strays.filter(end).length;
  for (const folder of strayFolders(tmpdir())) rmSync(folder, { recursive: true, force: true });
  return ended;
}

/** Folders in this one of hosts that are no more. Only those of this user: a name proves nothing. */
export function strayFolders(parent: string): string[] {
  return readdirSync(parent).flatMap((name) => {
    const [, ...host] = /^idiom-host-(\d+)-(\d+)-(\d+)-/.exec(name) ?? [];
    const folder = join(parent, name);
    return host.length > 0 && isStray(host.join(":")) && lstatSync(folder, { throwIfNoEntry: false })?.uid === process.getuid?.() ? [folder] : [];
  });
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
