// The models folder over time: what stands in it now, read again only where something has changed, and without holding up calls.
import { createHash } from "node:crypto";
import { stat } from "node:fs/promises";
import { IdiomError } from "../core/errors.ts";
import type { ModelVersion } from "../core/model.ts";
import { contentFiles, digestOf, listFolders, type RuntimeMarker, readVersion, type VersionFolder } from "./model-folder.ts";
import type { ScannedModels } from "./registry.ts";

/** A folder and what it holds. While its content stays the same, so do these objects. */
export interface WatchedFolder extends VersionFolder {
  readonly content:
    | { readonly version: ModelVersion; readonly reason: null }
    /** It could not be read as a model. */
    | { readonly version: null; readonly reason: string };
}

/** Reads every model version below `root`, once. @throws IdiomError MODEL_INVALID when `root` is no folder. */
export async function scanModels(root: string, runtimes: readonly RuntimeMarker[]): Promise<ScannedModels> {
  return scannedModels(await new FolderWatch(root, runtimes).look(false));
}

/** What a registry begins with. */
export function scannedModels(found: readonly WatchedFolder[]): ScannedModels {
  return {
    versions: found.flatMap(({ content }) => (content.version === null ? [] : [content.version])),
    broken: found.flatMap(({ folderName, version, content }) => (content.version === null ? [{ name: folderName, version, reason: content.reason }] : [])),
  };
}

interface Known {
  /** Of the files as they were when `watched` was read. */
  readonly stamp: string;
  readonly digest: string;
  readonly watched: WatchedFolder;
}

export class FolderWatch {
  readonly #root: string;
  readonly #runtimes: readonly RuntimeMarker[];
  readonly #known = new Map<string, Known>();
  /** The stamps that the last look saw, of folders that had changed. */
  readonly #changing = new Map<string, string>();
  /** Folders whose model has the name of another's. */
  readonly #clashing = new Map<string, WatchedFolder>();

  constructor(root: string, runtimes: readonly RuntimeMarker[]) {
    this.#root = root;
    this.#runtimes = runtimes;
  }

  /**
   * Looks at every folder. With `settled`, a change counts once two looks in a row have seen the same files, so that no folder is
   * read while somebody copies into it. @throws IdiomError MODEL_INVALID when the root is no folder.
   */
  async look(settled: boolean): Promise<WatchedFolder[]> {
    const folders = listFolders(this.#root);
    const found: WatchedFolder[] = [];
    for (const folder of folders) {
      const watched = await this.#lookAt(folder, settled);
      if (watched !== null) found.push(watched);
    }
    const present = new Set(folders.map(({ folder }) => folder));
    for (const seen of [this.#known, this.#changing, this.#clashing]) for (const folder of [...seen.keys()]) if (!present.has(folder)) seen.delete(folder);
    return this.#withoutClashes(found);
  }

  /** The folder that had a name first keeps it: nothing that is put beside it takes its calls. */
  #withoutClashes(found: readonly WatchedFolder[]): WatchedFolder[] {
    const owners = new Map<string, string>();
    for (const [folder, { watched }] of this.#known) {
      const key = watched.content.version?.key;
      if (key !== undefined && !owners.has(key)) owners.set(key, folder);
    }
    return found.map((watched) => {
      const key = watched.content.version?.key;
      const owner = owners.get(key ?? "");
      if (key === undefined || owner === undefined || owner === watched.folder) return watched;
      const reason = `'${key}' is the model in ${owner} already; give this one another name in its model.yaml`;
      const before = this.#clashing.get(watched.folder);
      if (before?.content.reason === reason) return before;
      const clashing: WatchedFolder = { ...watched, content: { version: null, reason } };
      this.#clashing.set(watched.folder, clashing);
      return clashing;
    });
  }

  /** Null: nothing has been read of it yet, or it has just vanished. */
  async #lookAt(folder: VersionFolder, settled: boolean): Promise<WatchedFolder | null> {
    const path = folder.folder;
    const known = this.#known.get(path) ?? null;
    try {
      const stamp = await stampOf(path);
      if (known?.stamp === stamp) return known.watched;
      if (settled && this.#changing.get(path) !== stamp) {
        this.#changing.set(path, stamp);
        return known?.watched ?? null;
      }
      const digest = await digestOf(path);
      const watched = known?.digest === digest ? known.watched : read(folder, digest, this.#runtimes);
      // Somebody wrote meanwhile: what was read may be half of it. The first look takes it all the same, and the next one sees.
      if (known !== null && (await stampOf(path)) !== stamp) return known.watched;
      this.#changing.delete(path);
      this.#known.set(path, { stamp, digest, watched });
      return watched;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === "ENOENT") return known?.watched ?? null;
      return this.#unreadable(folder, (error as Error).message);
    }
  }

  #unreadable(folder: VersionFolder, reason: string): WatchedFolder {
    const known = this.#known.get(folder.folder);
    if (known?.watched.content.reason === reason) return known.watched;
    const watched: WatchedFolder = { ...folder, content: { version: null, reason } };
    this.#known.set(folder.folder, { stamp: "", digest: "", watched });
    return watched;
  }
}

function read(folder: VersionFolder, digest: string, runtimes: readonly RuntimeMarker[]): WatchedFolder {
  try {
    return { ...folder, content: { version: readVersion(folder, digest, runtimes), reason: null } };
  } catch (error) {
    return { ...folder, content: { version: null, reason: IdiomError.from(error).message } };
  }
}

/** Changes with every file that is written, added, removed or renamed; reads no content. */
async function stampOf(folder: string): Promise<string> {
  const files = await contentFiles(folder);
  const stamps = await Promise.all(
    files.map(async (file) => {
      const { size, ctimeMs, ino } = await stat(file);
      return `${file}\0${size}\0${ctimeMs}\0${ino}`;
    }),
  );
  return createHash("sha256").update(stamps.join("\0")).digest("hex");
}
