// Where the dependencies of a model version lie, by language, in the manner that its harness expects (INIT.libraries).
import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";
import type { ModelVersion } from "../../src/core/model.ts";
import { compileJava, ownNames } from "./java.ts";

type Libraries = (version: ModelVersion, data: string) => Promise<string[]> | string[];

const BY_LANGUAGE: Record<string, Libraries> = {
  /** The interpreter of the environment knows its own packages. */
  python: () => [],
  r: (_version, data) => existing(join(data, "environments", "r")),
  node: (version, data) => [...existing(join(version.folder, "node_modules")), ...existing(join(data, "environments", "node", "node_modules"))],
  java: async (version, data) => {
    const jars = [...ownNames(version.folder, ".jar").map((jar) => join(version.folder, jar)), ...jarsOf(join(data, "environments", "java"))];
    return [await compileJava(version, jars, data), version.folder, ...jars];
  },
};

export async function librariesOf(version: ModelVersion, data: string): Promise<string[]> {
  return (await BY_LANGUAGE[version.manifest.runtime]?.(version, data)) ?? [];
}

function existing(folder: string): string[] {
  return existsSync(folder) ? [folder] : [];
}

function jarsOf(environment: string): string[] {
  if (!existsSync(environment)) return [];
  return readdirSync(environment)
    .filter((file) => file.endsWith(".jar"))
    .sort()
    .map((file) => join(environment, file));
}
