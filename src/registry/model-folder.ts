// A folder of models: `<model>/` is version 1, `<model>/<number>/` are numbered versions.
import { createHash, type Hash } from "node:crypto";
import { closeSync, type Dirent, existsSync, openSync, readdirSync, readFileSync, readSync, statSync } from "node:fs";
import { basename, join } from "node:path";
import { IdiomError } from "../core/errors.ts";
import { type Manifest, type ModelVersion, versionKey } from "../core/model.ts";
import { hintsOfGolden, readGolden } from "./golden.ts";
import { parseManifest } from "./manifest.ts";

/** A language as the registry needs to know it. */
export interface RuntimeMarker {
  readonly language: string;
  /** Files that show that a folder's model is written in it. */
  readonly entryFiles: readonly string[];
}

/** A folder that could not be read as a model version: shown to the operator, never served. */
export interface BrokenVersion {
  readonly name: string;
  readonly version: string;
  readonly reason: string;
}

export interface ScannedModels {
  readonly versions: readonly ModelVersion[];
  readonly broken: readonly BrokenVersion[];
}

/**
 * Reads every model version below `root`. A broken one does not hinder the others.
 * @throws IdiomError MODEL_INVALID when `root` itself is no folder, or two versions have one name.
 */
export function scanModels(root: string, runtimes: readonly RuntimeMarker[]): ScannedModels {
  const versions: ModelVersion[] = [];
  const broken: BrokenVersion[] = [];
  for (const { folder, folderName, version } of listFolders(root)) {
    try {
      versions.push(readVersion(folder, folderName, version, runtimes));
    } catch (error) {
      broken.push({ name: folderName, version, reason: IdiomError.from(error).message });
    }
  }
  refuseDuplicates(versions);
  return { versions, broken };
}

/** Reads one model version; `digest` is that of the folder. @throws IdiomError MODEL_INVALID */
export function readVersion(folder: string, folderName: string, version: string, runtimes: readonly RuntimeMarker[], digest = digestOf(folder)): ModelVersion {
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
  const path = join(folder, "model.yaml");
  const text = existsSync(path) ? readFileSync(path, "utf8") : "";
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

/** @throws IdiomError MODEL_INVALID when two versions have one name. */
export function refuseDuplicates(versions: readonly ModelVersion[]): void {
  const seen = new Map<string, ModelVersion>();
  for (const version of versions) {
    const other = seen.get(version.key);
    if (other !== undefined)
      throw new IdiomError(
        "MODEL_INVALID",
        `two folders are called ${version.key}: ${other.folder} and ${version.folder}; give one another name in its model.yaml`,
      );
    seen.set(version.key, version);
  }
}

function digestOf(folder: string): string {
  const hash = createHash("sha256");
  for (const file of contentFiles(readdirSync(folder, { recursive: true, withFileTypes: true }))) {
    hash.update(digestHeader(folder, file, statSync(file).size));
    hashFile(hash, file);
  }
  return hash.digest("hex");
}

const HASH_CHUNK_BYTES = 2 ** 20;

/** Piece by piece: an artifact may be larger than a buffer can be. */
function hashFile(hash: Hash, file: string): void {
  const chunk = Buffer.allocUnsafe(HASH_CHUNK_BYTES);
  const fd = openSync(file, "r");
  try {
    for (let read = readSync(fd, chunk); read > 0; read = readSync(fd, chunk)) hash.update(chunk.subarray(0, read));
  } finally {
    closeSync(fd);
  }
}

/** The files that make up a version, sorted: everything below its folder but what Python caches there. */
export function contentFiles(entries: readonly Dirent[]): string[] {
  return entries
    .filter((entry) => entry.isFile() && !entry.parentPath.includes("__pycache__"))
    .map((entry) => join(entry.parentPath, entry.name))
    .sort();
}

/** What the digest has before the content of each file. */
export function digestHeader(folder: string, file: string, length: number): string {
  return `${file.slice(folder.length)}\0${length}\0`;
}
