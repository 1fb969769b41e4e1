// The models that this system knows, the status of each version, and the way from a name to the version that answers.
import { IdiomError } from "../core/errors.ts";
import type { ModelVersion, VersionStatus } from "../core/model.ts";
import type { BrokenVersion, ScannedModels } from "./model-folder.ts";

/** One version and what is known of it now. `version` is null when its folder could not be read. */
export interface RegistryEntry {
  readonly name: string;
  readonly versionNumber: string;
  readonly version: ModelVersion | null;
  status: VersionStatus;
}

export type StatusListener = (entry: RegistryEntry) => void;

export class Registry {
  /** By model name; versions sorted from the newest to the oldest. */
  readonly #models = new Map<string, RegistryEntry[]>();
  readonly #listeners = new Set<StatusListener>();

  constructor(scanned: ScannedModels) {
    for (const version of scanned.versions) this.#add({ name: version.name, versionNumber: version.version, version, status: { state: "loading" } });
    for (const broken of scanned.broken) this.#add(brokenEntry(broken));
  }

  #add(entry: RegistryEntry): void {
    const entries = this.#models.get(entry.name) ?? [];
    entries.push(entry);
    entries.sort((a, b) => Number(b.versionNumber) - Number(a.versionNumber));
    this.#models.set(entry.name, entries);
  }

  /** Every version, by model name, newest first. */
  entries(): RegistryEntry[] {
    return [...this.#models.values()].flat().sort((a, b) => a.name.localeCompare(b.name) || Number(b.versionNumber) - Number(a.versionNumber));
  }

  versions(): ModelVersion[] {
    return this.entries().flatMap((entry) => (entry.version === null ? [] : [entry.version]));
  }

  /** Reports what became of a version; listeners hear of it. */
  setStatus(version: ModelVersion, status: VersionStatus): void {
    const entry = this.#models.get(version.name)?.find((candidate) => candidate.version === version);
    if (entry === undefined) return;
    entry.status = status;
    for (const listener of this.#listeners) listener(entry);
  }

  onStatus(listener: StatusListener): void {
    this.#listeners.add(listener);
  }

  /** Whether every version has been tried: ready, or failed with a reason. */
  get settled(): boolean {
    return this.entries().every((entry) => entry.status.state !== "loading");
  }

  /**
   * The entry that a request means: the version asked for, or without one the newest that is ready, else the newest.
   * @throws IdiomError MODEL_NOT_FOUND, INVALID_REQUEST when `version` is no number.
   */
  find(name: string, version: string): RegistryEntry {
    const entries = this.#models.get(name);
    const newest = entries?.[0];
    if (entries === undefined || newest === undefined) throw new IdiomError("MODEL_NOT_FOUND", `Request for unknown model: '${name}' is not found`);
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

  /** All versions of a model, newest first; empty when it is unknown. */
  versionsOf(name: string): readonly RegistryEntry[] {
    return this.#models.get(name) ?? [];
  }
}

function brokenEntry(broken: BrokenVersion): RegistryEntry {
  return { name: broken.name, versionNumber: broken.version, version: null, status: { state: "failed", reason: broken.reason } };
}
