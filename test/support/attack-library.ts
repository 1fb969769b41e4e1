// Builds the library that a model of the attack suite calls.
import { realpathSync } from "node:fs";
import { dirname, join } from "node:path";
import { PACKAGE_ROOT } from "../../src/package-root.ts";
import { runTool } from "../../src/process/spawn.ts";
import { findTool } from "../../workers/runtimes.ts";
import { DATA } from "./data-folder.ts";
import type { Language } from "./languages.ts";

const SOURCES = join(PACKAGE_ROOT, "test", "security", "native");

const GLUE: Record<Language, string> = { python: "plain.c", r: "plain.c", java: "java.c", node: "node.c" };

/** Where the headers of a language lie. */
const HEADERS: Record<Language, () => readonly string[]> = {
  python: () => [],
  r: () => [],
  java: () => {
    const folder = join(dirname(dirname(realpathSync(findTool("javac", DATA)))), "include");
    return [folder, join(folder, "linux")];
  },
  node: () => [join(dirname(dirname(process.execPath)), "include", "node")],
};

/** @throws Error when there is no compiler, or with its own words. */
export async function buildAttackLibrary(language: Language, target: string): Promise<void> {
  const headers = HEADERS[language]().map((folder) => `-I${folder}`);
  const sources = ["attacks.c", GLUE[language]].map((file) => join(SOURCES, file));
  await runTool(findTool("cc", DATA), ["-shared", "-fPIC", "-O1", "-Wall", "-o", target, ...sources, ...headers, "-lpthread"]);
}
