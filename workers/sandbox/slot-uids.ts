// A uid for each process of a model, where the host is root. It needs no account: any number that nobody uses serves.
import { randomInt } from "node:crypto";
import { readFileSync } from "node:fs";
import { givenBackAtExit } from "./confined-process.ts";

interface Range {
  readonly first: number;
  readonly count: number;
}

/** Beyond what systemd, containers and logins hand out, below the numbers that some tools take for negative. */
const WIDE: Range = { first: 0x7000_0000, count: 0x1000_0000 };
/** Unassigned below 65536: what a container has that was given few. */
const NARROW: Range = { first: 60_578, count: 606 };
/** One host's share of the wide range; two hosts on a machine hardly ever get the same. */
const BLOCK = 4096;

/** Starts a process with a uid of its own, which is free again when that has ended. `uids` null: with this process's own. */
export async function asSlot<Child extends { readonly exited: Promise<unknown> }>(
  uids: SlotUids | null,
  start: (uid: number | null) => Promise<Child>,
): Promise<Child> {
  if (uids === null) return start(null);
  const uid = uids.take();
  return givenBackAtExit(
    () => uids.release(uid),
    () => start(uid),
  );
}

/** Words that become this user, without any right, as the last step. */
export function becoming(setpriv: string, uid: number): string[] {
  const without = ["--clear-groups", "--bounding-set", "-all", "--inh-caps", "-all", "--ambient-caps", "-all"];
  return [setpriv, "--reuid", String(uid), "--regid", String(uid), ...without, "--"];
}

export class SlotUids {
  readonly #range = ownRange();
  readonly #taken = new Set<number>();
  #next = 0;

  /** One that no running process of this host has. @throws Error when all are taken. */
  take(): number {
    for (let tries = 0; tries < this.#range.count; tries++) {
      const uid = this.#range.first + (this.#next++ % this.#range.count);
      if (this.#taken.has(uid)) continue;
      this.#taken.add(uid);
      return uid;
    }
    throw new Error(`all ${this.#range.count} uids for models are in use`);
  }

  release(uid: number): void {
    this.#taken.delete(uid);
  }
}

function ownRange(): Range {
  if (!isMapped(WIDE)) return NARROW;
  return { first: WIDE.first + BLOCK * randomInt(WIDE.count / BLOCK), count: BLOCK };
}

/** Whether this machine or container has these uids. */
function isMapped({ first, count }: Range): boolean {
  return readFileSync("/proc/self/uid_map", "utf8")
    .trim()
    .split("\n")
    .some((line) => {
      const [inside = 0, , length = 0] = line.trim().split(/\s+/).map(Number);
      return inside <= first && first + count <= inside + length;
    });
}
