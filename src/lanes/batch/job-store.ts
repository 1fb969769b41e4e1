// Where the files of jobs lie: a folder that one gateway has, or that several share. It has a name of its own, by which they know each other.
import { randomUUID } from "node:crypto";
import { linkSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { hostname } from "node:os";
import { join } from "node:path";
import type { JobStore } from "../../core/job.ts";

const NAME_FILE = ".store";

/** Opens the folder, and makes it where it is not there. @throws Error of the file system */
export function openStore(folder: string): JobStore {
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  const file = join(folder, NAME_FILE);
  const id = randomUUID();
  const own = `${file}-${id}`;
  writeFileSync(own, id, { mode: 0o600 });
  try {
    // Of those that open it at the same time, one gives the name.
    linkSync(own, file);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "EEXIST") throw error;
  } finally {
    rmSync(own);
  }
  return { id: readFileSync(file, "utf8"), place: `${hostname()}:${folder}` };
}
