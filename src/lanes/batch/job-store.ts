// Where the files of jobs lie: a folder that one gateway has, or that several share. It has a name of its own, by which they know each other.
import { randomUUID } from "node:crypto";
import { linkSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { hostname } from "node:os";
import { join } from "node:path";
import { IdiomError } from "../../core/errors.ts";
import type { JobStore } from "../../core/job.ts";

const NAME_FILE = ".store";

/** Opens the folder, and makes it where it is not there. @throws IdiomError CONFIG_INVALID when nothing can be written there */
export function openStore(folder: string): JobStore {
  try {
    return { id: nameOf(folder), place: `${hostname()}:${folder}` };
  } catch (error) {
    throw new IdiomError("CONFIG_INVALID", `the files of jobs cannot be kept in ${folder}: ${(error as Error).message}; name another folder with IDIOM_STATE`);
  }
}

function nameOf(folder: string): string {
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
  return readFileSync(file, "utf8");
}
