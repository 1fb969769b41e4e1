// Control groups (cgroups), where this process may divide its own: the kernel bounds what a sandbox holds in memory, with its temporary
// files and what no process shows.
import { existsSync, mkdirSync, readFileSync, rmdirSync, writeFileSync } from "node:fs";
import { basename, dirname, join, relative } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { ancestorsOf, descendantsOf } from "../../src/process/proc.ts";
import { runTool } from "../../src/process/spawn.ts";
import { folderPrefix, strayFolders } from "./strays.ts";

export interface ControlGroup {
  /** The file in which whoever writes "0" becomes a member. */
  readonly members: string;
  /** Whether the kernel has ended a process of it for want of memory since this was last asked. */
  hasRunOut(): boolean;
  /** To be called when its processes have ended. */
  remove(): void;
}

/** The files of the two versions of the kernel's interface. */
interface Version {
  readonly members: string;
  readonly limit: string;
  /** What keeps a group from the swap: what is swapped out is held all the same. */
  readonly swap: string;
  /** How many processes have been ended, for want of memory anywhere. */
  readonly kills: readonly [file: string, count: RegExp];
  /** How often the limit of the group has been met. */
  readonly met: readonly [file: string, count: RegExp];
}

const V2: Version = {
  members: "cgroup.procs",
  limit: "memory.max",
  swap: "memory.swap.max",
  kills: ["memory.events", /^oom_kill (\d+)$/m],
  met: ["memory.events", /^oom (\d+)$/m],
};
const V1: Version = {
  // A thread alone: to move a whole process, the kernel waits some 12 ms for all others to be done with what they fork.
  members: "tasks",
  limit: "memory.limit_in_bytes",
  swap: "memory.swappiness",
  kills: ["memory.oom_control", /^oom_kill (\d+)$/m],
  met: ["memory.failcnt", /^(\d+)$/m],
};

/** Version 2 lets no group have processes of its own and limits for groups below it: this process moves into one of them. */
const OWN_LEAF = "idiom-itself";
/** Others may start one meanwhile. */
const MOVES = 5;
const TRIES = 40;
const TRY_AGAIN_MS = 50;

/** In this process, also where it opens them more than once: how many, and those that are still there. */
let count = 0;
const made = new Set<string>();

export class ControlGroups {
  readonly #parent: string;
  readonly #version: Version;

  /** Null where this process may not divide its own group. */
  static async open(): Promise<ControlGroups | null> {
    for (const version of [V2, V1]) {
      try {
        const parent = version === V2 ? dividedGroup() : ownGroup("cgroup", "memory");
        if (parent === null) continue;
        const groups = new ControlGroups(parent, version);
        await groups.#tryOut();
        return groups;
      } catch {
        // Read-only, somebody else's, or without the controller.
      }
    }
    return null;
  }

  private constructor(parent: string, version: Version) {
    this.#parent = parent;
    this.#version = version;
    for (const folder of strayFolders(parent)) tryRemove(folder);
  }

  /** @throws Error where no process can be started in a group. */
  async #tryOut(): Promise<void> {
    const group = this.make(2 ** 30);
    try {
      await runTool("/bin/sh", ["-c", 'echo 0 >"$0"', group.members]);
    } finally {
      group.remove();
    }
  }

  /** @throws Error when it cannot be made. */
  make(bytes: number): ControlGroup {
    if (count === 0) process.once("exit", () => made.forEach(tryRemove));
    const folder = join(this.#parent, `${folderPrefix()}${count++}`);
    const { members, limit, swap, kills, met } = this.#version;
    try {
      mkdirSync(folder);
      made.add(folder);
      writeFileSync(join(folder, limit), String(bytes));
      if (existsSync(join(folder, swap))) writeFileSync(join(folder, swap), "0");
    } catch (error) {
      void remove(folder);
      throw new Error(`its control group cannot be made: ${(error as Error).message}`, { cause: error });
    }
    let known = 0;
    return {
      members: join(folder, members),
      hasRunOut: () => {
        const before = known;
        known = Math.max(known, countIn(folder, kills));
        // The machine's memory may have run out instead.
        return known > before && countIn(folder, met) > 0;
      },
      remove: () => void remove(folder),
    };
  }
}

/** The kernel may still be busy with the last of its processes. */
async function remove(folder: string): Promise<void> {
  for (let tries = 0; tries < TRIES; tries++) {
    if (tryRemove(folder)) return void made.delete(folder);
    await delay(TRY_AGAIN_MS, null, { ref: false });
  }
}

/** This process's group of version 2, which can have groups with limits below it. */
function dividedGroup(): string | null {
  const own = ownGroup("cgroup2", "memory");
  if (own === null) return null;
  const group = basename(own) === OWN_LEAF ? dirname(own) : own;
  if (!words(join(group, "cgroup.controllers")).includes("memory")) return null;
  if (words(join(group, "cgroup.subtree_control")).includes("memory")) return group;
  const isRoot = !existsSync(join(group, "cgroup.type"));
  if (!isRoot) moveToLeaf(group);
  writeFileSync(join(group, "cgroup.subtree_control"), "+memory");
  return group;
}

/** What systemd has made for logins and programs of users; and for services, unless it has given them to the user that they run as. */
const SYSTEMDS = /\/user\.slice\/|\.scope$/;
const SYSTEMDS_FOR_ROOT = /\.service$/;

/** With all that whoever has started this process here has started. @throws Error where the group is systemd's own, and where others are in it. */
function moveToLeaf(group: string): void {
  if (SYSTEMDS.test(group) || (process.getuid?.() === 0 && SYSTEMDS_FOR_ROOT.test(group))) throw new Error(`${group} is not this process's to divide`);
  const leaf = join(group, OWN_LEAF);
  for (let moves = 0; moves < MOVES; moves++) {
    const members = words(join(group, "cgroup.procs")).map(Number);
    if (members.length === 0) return;
    const oldest = [process.pid, ...ancestorsOf(process.pid)].filter((pid) => members.includes(pid)).at(-1) ?? process.pid;
    const family = new Set([oldest, ...descendantsOf(oldest)]);
    if (members.some((pid) => !family.has(pid))) throw new Error(`${group} is shared with processes that have nothing to do with this one`);
    mkdirSync(leaf, { recursive: true });
    for (const pid of members) tryMove(pid, leaf);
  }
}

function tryMove(pid: number, group: string): void {
  try {
    writeFileSync(join(group, "cgroup.procs"), String(pid));
  } catch {
    // It has just ended.
  }
}

/** The folder of this process's group; null: the hierarchy is not mounted here, or not that part of it. */
function ownGroup(type: "cgroup" | "cgroup2", controller: string): string | null {
  const line = type === "cgroup2" ? /^0::(.*)$/m : new RegExp(`^\\d+:(?:[^:]*,)?${controller}(?:,[^:]*)?:(.*)$`, "m");
  const path = line.exec(readFileSync("/proc/self/cgroup", "utf8"))?.[1];
  if (path === undefined) return null;
  for (const mount of readFileSync("/proc/self/mountinfo", "utf8").split("\n")) {
    const [where = "", what = ""] = mount.split(" - ");
    const [root = "", at = ""] = where.split(" ").slice(3);
    const [mounted, , options = ""] = what.split(" ");
    if (mounted !== type || (type === "cgroup" && !options.split(",").includes(controller))) continue;
    const below = relative(root, path);
    if (!below.startsWith("..")) return join(at, below);
  }
  return null;
}

/** Nothing, once the group is gone. */
function countIn(folder: string, [name, count]: readonly [file: string, count: RegExp]): number {
  const file = join(folder, name);
  return existsSync(file) ? Number(count.exec(readFileSync(file, "utf8"))?.[1] ?? 0) : 0;
}

function words(file: string): string[] {
  return readFileSync(file, "utf8")
    .split(/\s+/)
    .filter((word) => word !== "");
}

function tryRemove(folder: string): boolean {
  try {
    rmdirSync(folder);
    return true;
  } catch {
    return !existsSync(folder);
  }
}
