// A folder of models: `<model>/` is version 1, `<model>/<number>/` are numbered versions.
import { createHash } from "node:crypto";
import { createReadStream, existsSync, readdirSync, statSync } from "node:fs";
import { readdir, stat } from "node:fs/promises";
import { basename, join } from "node:path";
import { IdiomError } from "../core/errors.ts";
import { type Manifest, type ModelVersion, versionKey } from "../core/model.ts";
import { hintsOfGolden, readGolden } from "./golden.ts";
import { parseManifest } from "./manifest.ts";
import { readOwnFile } from "./own-file.ts";

const MAX_MANIFEST_BYTES = 2 ** 20;

/** A language as the registry needs to know it. */
export interface RuntimeMarker {
  readonly language: string;
  /** Files that show that a folder's model is written in it. */
  readonly entryFiles: readonly string[];
}

/** Reads one model version, whose folder has this digest. @throws IdiomError MODEL_INVALID */
export function readVersion({ folder, folderName, version }: VersionFolder, digest: string, runtimes: readonly RuntimeMarker[]): ModelVersion {
  const manifest = readManifest(folder, folderName, runtimes);
  return {
    name: manifest.name,
    version,
    key: versionKey(manifest.name, version),
    folder,
    digest,
    manifest,
    golden: hintsOfGolden(readGolden(folder, manifest.golden)[0]),
  };
}

/** The manifest of a folder, from its model.yaml or, without one, from its files alone. */
export function readManifest(folder: string, folderName: string, runtimes: readonly RuntimeMarker[]): Manifest {
  const text = existsSync(join(folder, "model.yaml")) ? readOwnFile(folder, "model.yaml", MAX_MANIFEST_BYTES) : "";
  return parseManifest(text, join(basename(folder), "model.yaml"), folderName, detectRuntime(folder, runtimes));
}

function detectRuntime(folder: string, runtimes: readonly RuntimeMarker[]): string | null {
  const files = new Set(readdirSync(folder));
  return runtimes.find((runtime) => runtime.entryFiles.some((file) => files.has(file)))?.language ?? null;
}

/** The folder of a model version, whatever it holds. */
export interface VersionFolder {
  readonly folder: string;
  readonly folderName: string;
  readonly version: string;
}

/** @throws IdiomError MODEL_INVALID when `root` is no folder. */
export function listFolders(root: string): VersionFolder[] {
  if (statSync(root, { throwIfNoEntry: false })?.isDirectory() !== true) {
    throw new IdiomError("MODEL_INVALID", `${root} is no folder; IDIOM_MODELS names the folder that holds a folder per model`);
  }
  return subfolders(root).flatMap((folderName) => {
    const folder = join(root, folderName);
    const numbered = existsSync(join(folder, "model.yaml")) ? [] : numberedVersions(folder);
    if (numbered.length === 0) return [{ folder, folderName, version: "1" }];
    return numbered.map((version) => ({ folder: join(folder, version), folderName, version }));
  });
}

/** None in a folder that cannot be read: it is reported as one broken version when it is opened. */
function numberedVersions(folder: string): string[] {
  try {
    return subfolders(folder).filter((name) => /^[1-9]\d*$/.test(name));
  } catch {
    return [];
  }
}

/** Symbolic links are not followed: a model folder holds what it is. */
function subfolders(folder: string): string[] {
  return readdirSync(folder, { withFileTypes: true })
    .filter((entry) => entry.isDirectory() && !entry.name.startsWith("."))
    .map((entry) => entry.name)
    .sort();
}

/** Over the names, lengths and contents of a version's files. */
export async function digestOf(folder: string): Promise<string> {
  const hash = createHash("sha256");
  for (const file of await contentFiles(folder)) {
    hash.update(`${file.slice(folder.length)}\0${(await stat(file)).size}\0`);
    for await (const chunk of createReadStream(file, { highWaterMark: 256 * 1024 })) hash.update(chunk as Buffer);
  }
  return hash.digest("hex");
}

/** The files that make up a version, sorted: everything below its folder but what Python caches there. */
export async function contentFiles(folder: string): Promise<string[]> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  return entries
    .filter((entry) => entry.isFile() && !entry.parentPath.includes("__pycache__"))
    .map((entry) => join(entry.parentPath, entry.name))
    .sort();
}
