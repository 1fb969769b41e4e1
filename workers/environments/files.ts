// What a folder offers an environment.
import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";

/** The paths of its files whose names end so, sorted. Links are not followed: what they lead to may be the host's own. */
export function filesIn(folder: string, ending: string): string[] {
  if (!existsSync(folder)) return [];
  return readdirSync(folder, { withFileTypes: true })
    .filter((entry) => entry.isFile() && entry.name.endsWith(ending))
    .map(({ name }) => join(folder, name))
    .sort();
}
