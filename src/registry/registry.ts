// The models that this system knows, the status of each version, and the way from a name to the version that answers.
import { IdiomError } from "../core/errors.ts";
import type { HealthReport } from "../core/health.ts";
import type { ModelVersion, VersionStatus } from "../core/model.ts";

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

/** What the folder of a version holds now, while what it held before goes on serving. */
export type VersionUpdate =
  | { readonly state: "loading"; readonly version: ModelVersion }
  /** `digest` is "" when the folder could not be read as a model. */
  | { readonly state: "failed"; readonly digest: string; readonly reason: string };

/** One version and what is known of it now. `version` is null when its folder could not be read. */
export interface RegistryEntry {
  readonly name: string;
  readonly versionNumber: string;
  version: ModelVersion | null;
  status: VersionStatus;
  update: VersionUpdate | null;
}

export type StatusListener = (entry: RegistryEntry) => void;

export class Registry {
  /** By model name; versions sorted from the newest to the oldest. */
  readonly #models = new Map<string, RegistryEntry[]>();
  readonly #listeners = new Set<StatusListener>();
  /** Those of the start that are still loading. */
  readonly #unsettled = new Set<RegistryEntry>();
  readonly #acceptingListeners = new Set<() => void>();
  #draining = false;

  constructor(scanned: ScannedModels) {
    for (const version of scanned.versions) this.#unsettled.add(this.add(version));
    for (const broken of scanned.broken) this.addBroken(broken);
  }

  /** A version that was not there before. */
  add(version: ModelVersion): RegistryEntry {
    return this.#add({ name: version.name, versionNumber: version.version, version, status: { state: "loading" }, update: null });
  }

  addBroken({ name, version, reason }: BrokenVersion): RegistryEntry {
    return this.#add({ name, versionNumber: version, version: null, status: { state: "failed", reason }, update: null });
  }

  /** What is so of a version from now on, whether it was known before or not. */
  put(name: string, versionNumber: string, version: ModelVersion | null, status: VersionStatus): void {
    const entry = this.entry(name, versionNumber);
    if (entry === undefined) this.#add({ name, versionNumber, version, status, update: null });
    else this.replace(entry, version, status);
  }

  #add(entry: RegistryEntry): RegistryEntry {
    const entries = this.#models.get(entry.name) ?? [];
    entries.push(entry);
    entries.sort((a, b) => Number(b.versionNumber) - Number(a.versionNumber));
    this.#models.set(entry.name, entries);
    this.#changed(entry);
    return entry;
  }

  /** Something else stands in the folder of `entry`, of which nothing serves: it takes the place at once. */
  replace(entry: RegistryEntry, version: ModelVersion | null, status: VersionStatus): void {
    entry.version = version;
    entry.status = status;
    entry.update = null;
    this.#changed(entry);
  }

  /** Something else stands in the folder of `entry`, which goes on serving; null: the folder is again as it was. */
  setUpdate(entry: RegistryEntry, update: VersionUpdate | null): void {
    entry.update = update;
    this.#changed(entry);
  }

  remove(entry: RegistryEntry): void {
    const left = this.versionsOf(entry.name).filter((candidate) => candidate !== entry);
    if (left.length === 0) this.#models.delete(entry.name);
    else this.#models.set(entry.name, left);
    this.#unsettled.delete(entry);
    this.#changed(entry);
  }

  /** Every version, by model name, newest first. */
  entries(): RegistryEntry[] {
    return [...this.#models.values()].flat().sort((a, b) => a.name.localeCompare(b.name) || Number(b.versionNumber) - Number(a.versionNumber));
  }

  versions(): ModelVersion[] {
    return this.entries().flatMap((entry) => (entry.version === null ? [] : [entry.version]));
  }

  /**
   * Reports what became of a version; listeners hear of it. An update that is ready takes the place of what it replaces, in one
   * step; one that cannot be loaded leaves it where it is.
   */
  setStatus(version: ModelVersion, status: VersionStatus): void {
    const entry = this.#models.get(version.name)?.find((candidate) => candidate.version === version || isUpdateOf(candidate, version));
    if (entry === undefined) return;
    if (entry.version === version) entry.status = status;
    else if (status.state === "loading") return;
    else if (status.state === "ready") return this.replace(entry, version, status);
    else entry.update = { state: "failed", digest: version.digest, reason: status.reason };
    this.#changed(entry);
  }

  #changed(entry: RegistryEntry): void {
    if (entry.status.state !== "loading") this.#unsettled.delete(entry);
    for (const listener of this.#listeners) listener(entry);
  }

  onStatus(listener: StatusListener): void {
    this.#listeners.add(listener);
  }

  /** Whether every version of the start has been tried: ready, or failed with a reason. What comes later changes nothing in it. */
  get settled(): boolean {
    return this.#unsettled.size === 0;
  }

  /** Resolves when every version of the start is ready or has failed. */
  whenSettled(): Promise<void> {
    if (this.settled) return Promise.resolve();
    return new Promise((resolve) => {
      this.onStatus(() => {
        if (this.settled) resolve();
      });
    });
  }

  /** Whether calls are welcome: settled, not draining, and nothing in the way of all of them. */
  get accepting(): boolean {
    return this.settled && !this.draining && this.obstacle === null;
  }

  /** Is called when a drain or an obstacle may have changed `accepting`. */
  onAccepting(listener: () => void): void {
    this.#acceptingListeners.add(listener);
  }

  get draining(): boolean {
    return this.#draining;
  }

  health(): HealthReport {
    const { obstacle } = this;
    const status = this.accepting ? "ok" : this.draining ? "draining" : this.settled ? "unavailable" : "starting";
    const models = this.entries().map(({ name, versionNumber, status }) => ({
      name,
      version: versionNumber,
      state: status.state,
      ...("reason" in status ? { reason: status.reason } : {}),
    }));
    return { status, ...(obstacle === null ? {} : { reason: obstacle }), models };
  }

  /** From now on calls should go elsewhere. */
  drain(): void {
    this.#draining = true;
    this.acceptingChanged();
  }

  protected acceptingChanged(): void {
    for (const listener of this.#acceptingListeners) listener();
  }

  /** Why no call at all can be answered here now; null when nothing is in the way. */
  get obstacle(): string | null {
    return null;
  }

  /** Why there may be models that are not known here now; null when all are known. */
  get whyUnknown(): string | null {
    return null;
  }

  /**
   * The entry that a request means: the version asked for, or without one the newest that is ready, else the newest.
   * @throws IdiomError MODEL_NOT_FOUND, MODEL_NOT_READY when something keeps it from being known, INVALID_REQUEST when `version` is no number.
   */
  find(name: string, version: string): RegistryEntry {
    const entries = this.#models.get(name);
    const newest = entries?.[0];
    if (entries === undefined || newest === undefined) {
      if (this.whyUnknown !== null) throw new IdiomError("MODEL_NOT_READY", `model '${name}' is not known here: ${this.whyUnknown}`);
      throw new IdiomError("MODEL_NOT_FOUND", `Request for unknown model: '${name}' is not found`);
    }
    if (version === "") return entries.find((entry) => entry.status.state === "ready") ?? newest;
    const found = entries.find((entry) => entry.versionNumber === version);
    if (found !== undefined) return found;
    if (!/^\d+$/.test(version))
      throw new IdiomError("INVALID_REQUEST", `failed to get model version from specified version string '${version}'; a version is a positive number`);
    throw new IdiomError(
      "MODEL_NOT_FOUND",
      `Request for unknown model: '${name}' version ${version} is not found; versions: ${entries.map((entry) => entry.versionNumber).join(", ")}`,
    );
  }

  /** The entry of exactly this version. */
  entry(name: string, versionNumber: string): RegistryEntry | undefined {
    return this.versionsOf(name).find((entry) => entry.versionNumber === versionNumber);
  }

  /** All versions of a model, newest first; empty when it is unknown. */
  versionsOf(name: string): readonly RegistryEntry[] {
    return this.#models.get(name) ?? [];
  }
}

function isUpdateOf(entry: RegistryEntry, version: ModelVersion): boolean {
  return entry.update?.state === "loading" && entry.update.version === version;
}
