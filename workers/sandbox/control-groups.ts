// Control groups (cgroups), where this process may divide its own: the kernel bounds what a sandbox holds in memory, with its temporary
// files and what no process shows.
import { existsSync, mkdirSync, readFileSync, rmdirSync, writeFileSync } from "node:fs";
import { basename, dirname, join, relative } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { ancestorsOf, descendantsOf } from "../../src/process/proc.ts";
import { folderPrefix, strayFolders } from "./strays.ts";

export interface ControlGroup {
  /** Words before those of a command: it is started as a member. */
  readonly joining: readonly string[];
  /** Whether the kernel has ended a process of it for want of memory since this was last asked. */
  hasRunOut(): boolean;
  /** To be called when its processes have ended. */
  remove(): void;
}

/** The files of the two versions of the kernel's interface. */
interface Version {
  readonly limit: string;
  readonly events: string;
}

const V2: Version = { limit: "memory.max", events: "memory.events" };
const V1: Version = { limit: "memory.limit_in_bytes", events: "memory.oom_control" };

/** Version 2 lets no group have processes of its own and limits for groups below it: this process moves into one of them. */
const OWN_LEAF = "idiom";
const TRIES = 40;
const TRY_AGAIN_MS = 50;

/** In this process, also where it opens them more than once. */
let count = 0;

export class ControlGroups {
  readonly #parent: string;
  readonly #version: Version;
  readonly #made = new Set<string>();

  /** Null where this process may not divide its own group. */
  static open(): ControlGroups | null {
    for (const version of [V2, V1]) {
      try {
        const parent = version === V2 ? dividedGroup() : ownGroup("cgroup", "memory");
        if (parent === null) continue;
        const groups = new ControlGroups(parent, version);
        groups.make(2 ** 30).remove();
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
    process.once("exit", () => this.#made.forEach(tryRemove));
  }

  make(bytes: number): ControlGroup {
    const folder = join(this.#parent, `${folderPrefix()}${count++}`);
    mkdirSync(folder);
    this.#made.add(folder);
    writeFileSync(join(folder, this.#version.limit), String(bytes));
    // What is swapped out is held all the same.
    if (this.#version === V2 && existsSync(join(folder, "memory.swap.max"))) writeFileSync(join(folder, "memory.swap.max"), "0");
    let known = 0;
    return {
      joining: ["/bin/sh", "-c", 'echo 0 >"$0" && exec "$@"', join(folder, "cgroup.procs")],
      hasRunOut: () => {
        const before = known;
        known = Math.max(known, killsIn(join(folder, this.#version.events)));
        return known > before;
      },
      remove: () => void this.#remove(folder),
    };
  }

  /** The kernel may still be busy with the last of its processes. */
  async #remove(folder: string): Promise<void> {
    for (let tries = 0; tries < TRIES; tries++) {
      if (tryRemove(folder)) return void this.#made.delete(folder);
      await delay(TRY_AGAIN_MS, null, { ref: false });
    }
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

/** A login's group, by the name that systemd gives it. */
const LOGIN = /^session-.*\.scope$/;

/** With what has started this process, and what it has started. @throws Error where that is somebody's shell, and where others are in the group. */
function moveToLeaf(group: string): void {
  if (LOGIN.test(basename(group))) throw new Error(`${group} is a login's`);
  const members = words(join(group, "cgroup.procs")).map(Number);
  const family = new Set([process.pid, ...ancestorsOf(process.pid), ...descendantsOf(process.pid)]);
  if (members.some((pid) => !family.has(pid))) throw new Error(`${group} is shared with processes that have nothing to do with this one`);
  const leaf = join(group, OWN_LEAF);
  mkdirSync(leaf, { recursive: true });
  for (const pid of members) writeFileSync(join(leaf, "cgroup.procs"), String(pid));
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

/** How many processes of the group the kernel has ended for want of memory. */
function killsIn(file: string): number {
  // The group may be gone.
  return existsSync(file) ? Number(/^oom_kill (\d+)$/m.exec(readFileSync(file, "utf8"))?.[1] ?? 0) : 0;
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
