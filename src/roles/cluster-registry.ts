// The registry of a gateway without models of its own: it holds what the nodes say they serve.
import type { Logger } from "pino";
import { type VersionStatus, versionKey } from "../core/model.ts";
import { type NodeReport, type ReportedVersion, takesWork } from "../lanes/realtime/node-report.ts";
import type { DirectoryEntry } from "../lanes/realtime/version-directory.ts";
import type { Registry, RegistryEntry } from "../registry/registry.ts";

const NOBODY = "no worker serves it";

type LookUp = (wanted: { readonly key: string; readonly digest: string }) => Promise<DirectoryEntry | null>;

export class ClusterRegistry {
  readonly #registry: Registry;
  readonly #lookUp: LookUp;
  readonly #log: Logger;
  /** By key and digest. */
  readonly #known = new Map<string, DirectoryEntry>();

  constructor(registry: Registry, lookUp: LookUp, log: Logger) {
    this.#registry = registry;
    this.#lookUp = lookUp;
    this.#log = log;
  }

  /** Brings the registry to what these nodes say now. */
  async see(nodes: readonly NodeReport[]): Promise<void> {
    const reported = Map.groupBy(
      nodes.filter(takesWork).flatMap((node) => node.versions.filter((version) => version.state !== "foreign")),
      (version) => version.key,
    );
    for (const [key, versions] of reported) await this.#update(key, versions);
    for (const entry of this.#registry.entries()) {
      if (!reported.has(versionKey(entry.name, entry.versionNumber))) this.#notServed(entry, NOBODY);
    }
  }

  async #update(key: string, reports: readonly ReportedVersion[]): Promise<void> {
    const first = reports[0] as ReportedVersion;
    const entry = this.#registry.versionsOf(first.name).find((candidate) => candidate.versionNumber === first.version);
    const ready = reports.filter((report) => report.state === "ready");
    // The digest that serves already goes on while any node has it: a rollout of new files is seen as one change.
    const digest = ready.find((report) => report.digest === entry?.version?.digest)?.digest ?? ready[0]?.digest;
    if (digest === undefined) return this.#notReady(entry, first);
    const known = await this.#entryOf(key, digest);
    if (known === null) return;
    const slots = ready.filter((report) => report.digest === digest).reduce((sum, report) => sum + report.slots, 0);
    const status: VersionStatus = { state: "ready", signature: known.signature, slots };
    if (entry === undefined) this.#registry.setStatus(this.#registry.add(known.version).version ?? known.version, status);
    else if (entry.version !== known.version) this.#registry.replace(entry, known.version, status);
    else this.#report(entry, status);
  }

  #notReady(entry: RegistryEntry | undefined, report: ReportedVersion): void {
    const reason = report.reason || `it is ${report.state} on its node`;
    if (entry === undefined) this.#registry.addBroken({ name: report.name, version: report.version, reason });
    else this.#notServed(entry, reason);
  }

  /** Of a version that was never ready nothing is known but its name. */
  #notServed(entry: RegistryEntry, reason: string): void {
    if (entry.version !== null) this.#report(entry, { state: "unavailable", signature: null, reason });
    else if (reasonOf(entry.status) !== reason) this.#registry.replace(entry, null, { state: "failed", reason });
  }

  /** Listeners hear of changes only, not of every look. */
  #report(entry: RegistryEntry, status: VersionStatus): void {
    const same = entry.status.state === status.state && slotsOf(entry.status) === slotsOf(status) && reasonOf(entry.status) === reasonOf(status);
    if (!same && entry.version !== null) this.#registry.setStatus(entry.version, status);
  }

  async #entryOf(key: string, digest: string): Promise<DirectoryEntry | null> {
    const name = `${key} ${digest}`;
    const known = this.#known.get(name);
    if (known !== undefined) return known;
    try {
      const found = await this.#lookUp({ key, digest });
      if (found !== null) this.#known.set(name, found);
      return found;
    } catch (error) {
      this.#log.error({ version: key, error: (error as Error).message }, "what a node wrote of this version cannot be read; do all nodes run the same Idiom?");
      return null;
    }
  }
}

function reasonOf(status: VersionStatus): string {
  return "reason" in status ? status.reason : "";
}

function slotsOf(status: VersionStatus): number {
  return status.state === "ready" ? status.slots : 0;
}
