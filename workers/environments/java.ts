// Compiles the Java sources of a model folder, once per content: the author hands in Model.java, no build.
import { createHash } from "node:crypto";
import { chmodSync, existsSync, mkdirSync, mkdtempSync, readdirSync, renameSync, rmSync } from "node:fs";
import { dirname, join } from "node:path";
import type { ModelVersion } from "../../src/core/model.ts";
import { runTool } from "../../src/process/spawn.ts";
import { ownFile } from "../../src/registry/own-file.ts";
import { findTool } from "../runtimes.ts";

const FLAGS = ["-parameters", "-encoding", "UTF-8", "-g", "-proc:none", "-implicit:none", "-J-Xmx512m"];
/** The compiler gets nothing else of the host's own. */
const ENVIRONMENT = { PATH: process.env["PATH"] ?? "/usr/bin:/bin", LANG: "C.UTF-8" };
/** The uids that run models read the classes. */
const FOLDER_MODE = 0o755;

/**
 * Compiles with `-parameters`, so that parameters keep their names, and returns the folder of the classes. The folder's name is
 * the digest of the sources and of the class path. The compiler runs outside of any sandbox, so it runs nothing of the model's: neither
 * annotation processors nor plugins, which it would start from the class path by itself; and it reads no sources but these.
 * @throws Error with the compiler's own words; IdiomError MODEL_INVALID for a source that is none of the folder's own.
 */
export async function compileJava(version: Pick<ModelVersion, "folder" | "digest">, classPath: readonly string[], data: string): Promise<string> {
  const sources = ownNames(version.folder, ".java").map((source) => `./${source}`);
  const key = createHash("sha256")
    .update(version.digest)
    .update(FLAGS.join())
    .update(String(FOLDER_MODE))
    .update(classPath.join("\0"))
    .digest("hex")
    .slice(0, 32);
  const target = join(data, "environments", "java-classes", key);
  if (existsSync(target)) return target;
  mkdirSync(dirname(target), { recursive: true });
  const building = mkdtempSync(`${target}-`);
  try {
    if (sources.length > 0) {
      const javac = findTool("javac", data);
      // Where it would look for plugins and for other sources: nothing is there.
      const nowhere = ["-processorpath", building, "-sourcepath", building];
      await runTool(javac, [...FLAGS, ...nowhere, "-cp", [building, ...classPath].join(":"), "-d", building, ...sources], {
        cwd: version.folder,
        env: ENVIRONMENT,
        timeoutMs: 120_000,
      });
    }
    chmodSync(building, FOLDER_MODE);
    publish(building, target);
  } finally {
    rmSync(building, { recursive: true, force: true });
  }
  return target;
}

/** The names of a model's files with this ending, sorted. @throws IdiomError MODEL_INVALID for one that is none of the folder's own. */
export function ownNames(folder: string, ending: string): string[] {
  const names = readdirSync(folder, { withFileTypes: true })
    .filter((entry) => !entry.isDirectory() && entry.name.endsWith(ending))
    .map(({ name }) => name);
  for (const name of names) ownFile(folder, name);
  return names.sort();
}

/** Whoever comes first wins; a second build of the same content is thrown away. */
function publish(building: string, target: string): void {
  try {
    renameSync(building, target);
  } catch (error) {
    if (!existsSync(target)) throw error;
  }
}
