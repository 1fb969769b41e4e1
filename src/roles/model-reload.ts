// Keeps what runs in step with the models folder. What a changed folder holds becomes ready beside what serves, then takes its place.
import type { Logger } from "pino";
import type { WorkerNode } from "../../workers/node.ts";
import type { VersionChange } from "../core/admin.ts";
import { IdiomError } from "../core/errors.ts";
import type { ModelVersion, VersionStatus } from "../core/model.ts";
import type { FolderWatch, WatchedFolder } from "../registry/folder-watch.ts";
import type { Registry, RegistryEntry } from "../registry/registry.ts";

/** A change of this process' own folder of models. */
export type OwnChange = Omit<VersionChange, "node">;

export interface ReloadOptions {
  /** 0: only when asked. */
  readonly intervalMs: number;
  /** How long what is replaced or removed may take to answer what it has. */
  readonly drainTimeoutMs: number;
  /** Whether this process leaves the version to others that run its language. */
  isForeign(version: ModelVersion): boolean;
}

/** Of a version that others run. */
export function foreignStatus({ manifest }: ModelVersion): VersionStatus {
  return { state: "failed", reason: `this worker does not run ${manifest.runtime}` };
}

/** A version on its way to its first status. */
interface Pending {
  readonly change: "added" | "changed";
  /** What serves until this one is ready; null when nothing does. */
  readonly serving: ModelVersion | null;
  readonly settled: PromiseWithResolvers<OwnChange>;
}

export class ModelReload {
  readonly #watch: FolderWatch;
  readonly #registry: Registry;
  readonly #node: WorkerNode;
  readonly #log: Logger;
  readonly #options: ReloadOptions;
  /** What was last made of each entry's folder. */
  readonly #applied = new Map<RegistryEntry, WatchedFolder>();
  readonly #pending = new Map<ModelVersion, Pending>();
  #turn: Promise<unknown> = Promise.resolve();
  #timer: NodeJS.Timeout | null = null;
  #stopped = false;
  #problem: string | null = null;

  /** `found` is what the registry was filled with. */
  constructor(watch: FolderWatch, found: readonly WatchedFolder[], registry: Registry, node: WorkerNode, log: Logger, options: ReloadOptions) {
    this.#watch = watch;
    this.#registry = registry;
    this.#node = node;
    this.#log = log;
    this.#options = options;
    for (const folder of found) {
      const name = folder.content.version?.name ?? folder.folderName;
      const entry = registry.versionsOf(name).find((candidate) => candidate.versionNumber === folder.version && candidate.version === folder.content.version);
      if (entry !== undefined) this.#applied.set(entry, folder);
    }
  }

  /** Why the last look at the folder failed; null when it did not. */
  get problem(): string | null {
    return this.#problem;
  }

  /** Looks at the folder from now on. */
  start(): void {
    if (this.#options.intervalMs === 0 || this.#stopped) return;
    this.#timer = setTimeout(() => {
      void this.#look(true)
        .catch(() => {})
        .finally(() => this.start());
    }, this.#options.intervalMs);
  }

  stop(): void {
    this.#stopped = true;
    if (this.#timer !== null) clearTimeout(this.#timer);
  }

  /**
   * Looks at the folder now, and tells of the changes that this look or an earlier one found and that are loading still. With
   * `wait`, resolves once each of them is ready or has failed.
   * @throws IdiomError SHUTTING_DOWN on a drained node, MODEL_INVALID when the folder cannot be read.
   */
  async reload(wait: boolean): Promise<OwnChange[]> {
    if (this.#stopped) throw new IdiomError("SHUTTING_DOWN", "this node is draining: it loads nothing new");
    const done = await this.#look(false);
    const loading = [...this.#pending].map(([version, { change, settled }]) => (wait ? settled.promise : report(version, change, "loading", "")));
    return Promise.all([...done, ...loading]);
  }

  /** Is told of every version of the node, after the registry. */
  statusChanged(version: ModelVersion, status: VersionStatus): void {
    const pending = this.#pending.get(version);
    if (pending === undefined || status.state === "loading") return;
    this.#pending.delete(version);
    const { change, serving, settled } = pending;
    const where = { model: version.name, version: version.version };
    if (status.state === "ready") {
      this.#log.info(where, `${change}: ready (${version.digest.slice(0, 12)})`);
      if (serving !== null) this.#retire(serving);
      settled.resolve(report(version, change, "ready", ""));
      return;
    }
    if (serving !== null) {
      this.#log.error({ ...where, reason: status.reason }, "the changed folder cannot be loaded; what was there before goes on serving");
      this.#retire(version);
    }
    settled.resolve(report(version, change, "failed", status.reason));
  }

  /** One look at a time: each starts from what the one before has made of the folder. */
  #look(settled: boolean): Promise<OwnChange[]> {
    const looked = this.#turn.then(async () => {
      try {
        const found = await this.#watch.look(settled);
        this.#problem = null;
        return this.#stopped ? [] : this.#apply(found);
      } catch (error) {
        const { message } = IdiomError.from(error);
        if (message !== this.#problem) this.#log.error(`the models folder cannot be read: ${message}`);
        this.#problem = message;
        throw error;
      }
    });
    this.#turn = looked.catch(() => {});
    return looked;
  }

  /** Returns what is done with; what has begun to load is pending. */
  #apply(found: readonly WatchedFolder[]): OwnChange[] {
    const done: OwnChange[] = [];
    const present = new Set<RegistryEntry>();
    for (const folder of found) {
      const known = this.#entryOf(folder);
      const change = known === null ? this.#add(folder, present) : this.#compare(known, folder);
      if (known !== null) present.add(known);
      if (change !== null) done.push(change);
    }
    for (const entry of this.#registry.entries()) if (!present.has(entry)) done.push(this.#remove(entry));
    return done;
  }

  /** A folder that cannot be read any more stands for the version that it held. */
  #entryOf({ folder, version: number, content }: WatchedFolder): RegistryEntry | null {
    if (content.version !== null) return this.#registry.entry(content.version.name, number) ?? null;
    return this.#registry.entries().find((entry) => this.#applied.get(entry)?.folder === folder) ?? null;
  }

  #add(folder: WatchedFolder, present: Set<RegistryEntry>): OwnChange | null {
    const { content, folderName, version: number } = folder;
    if (content.version === null) {
      const entry = this.#registry.addBroken({ name: folderName, version: number, reason: content.reason });
      this.#applied.set(entry, folder);
      present.add(entry);
      return changed(entry, "added", "failed", content.reason);
    }
    const entry = this.#registry.add(content.version);
    this.#applied.set(entry, folder);
    present.add(entry);
    this.#load(content.version, "added", null);
    return null;
  }

  #compare(entry: RegistryEntry, folder: WatchedFolder): OwnChange | null {
    const { content } = folder;
    if (this.#applied.get(entry)?.content === content) return null;
    this.#applied.set(entry, folder);
    if (entry.update?.state === "loading") this.#giveUp(entry.update.version);
    const serves = entry.status.state === "ready" || entry.status.state === "unavailable";
    if (content.version === null) {
      const { reason } = content;
      if (serves) this.#registry.setUpdate(entry, { state: "failed", digest: "", reason });
      else this.#replace(entry, null, { state: "failed", reason });
      this.#log.error({ model: entry.name, version: entry.versionNumber, reason }, "the changed folder cannot be read as a model");
      return changed(entry, "changed", "failed", reason);
    }
    if (content.version.digest === entry.version?.digest) {
      this.#registry.setUpdate(entry, null);
      return null;
    }
    if (serves) this.#registry.setUpdate(entry, { state: "loading", version: content.version });
    else this.#replace(entry, content.version, { state: "loading" });
    this.#load(content.version, "changed", serves ? entry.version : null);
    return null;
  }

  #replace(entry: RegistryEntry, version: ModelVersion | null, status: VersionStatus): void {
    if (entry.version !== null) this.#giveUp(entry.version);
    this.#registry.replace(entry, version, status);
  }

  #load(version: ModelVersion, change: Pending["change"], serving: ModelVersion | null): void {
    if (this.#options.isForeign(version)) return this.#registry.setStatus(version, foreignStatus(version));
    this.#pending.set(version, { change, serving, settled: Promise.withResolvers<OwnChange>() });
    this.#log.info({ model: version.name, version: version.version }, `${change}: loading (${version.digest.slice(0, 12)})`);
    this.#node.serve([version]);
  }

  #remove(entry: RegistryEntry): OwnChange {
    this.#applied.delete(entry);
    if (entry.update?.state === "loading") this.#giveUp(entry.update.version);
    if (entry.version !== null) this.#giveUp(entry.version);
    this.#registry.remove(entry);
    this.#log.info({ model: entry.name, version: entry.versionNumber }, "removed");
    return changed(entry, "removed", "removed", "");
  }

  #giveUp(version: ModelVersion): void {
    const pending = this.#pending.get(version);
    this.#pending.delete(version);
    pending?.settled.resolve(report(version, pending.change, "failed", "the folder has changed again"));
    this.#retire(version);
  }

  /** Not at once: this may be called in the middle of a change of one of its instances. */
  #retire(version: ModelVersion): void {
    setImmediate(() => void this.#node.retire(version, this.#options.drainTimeoutMs));
  }
}

function report({ name, version, digest }: ModelVersion, change: VersionChange["change"], result: VersionChange["result"], reason: string): OwnChange {
  return { name, version, change, result, reason, digest };
}

function changed({ name, versionNumber }: RegistryEntry, change: VersionChange["change"], result: VersionChange["result"], reason: string): OwnChange {
  return { name, version: versionNumber, change, result, reason, digest: "" };
}
