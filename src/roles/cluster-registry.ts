// The registry of a gateway without models of its own: it holds what the nodes say they serve.
import type { Logger } from "pino";
import { type VersionStatus, versionKey } from "../core/model.ts";
import { type NodeReport, takesWork } from "../lanes/realtime/node-report.ts";
import type { DirectoryEntry } from "../lanes/realtime/version-directory.ts";
import type { Registry, RegistryEntry } from "../registry/registry.ts";
import { distinctNames, environmentsOf, type OnNode, readyOnes, reportsByVersion, servingDigest, stateWithoutReady, whyNotServed } from "./cluster-versions.ts";

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
    registry.setObstacle("workers", "Redis has not been reached yet");
  }

  /** Brings the registry to what these members say now. */
  async see(members: readonly NodeReport[]): Promise<void> {
    const nodes = distinctNames(members).filter(({ role }) => role !== "gateway");
    const reported = reportsByVersion(nodes);
    for (const [key, reports] of reported) await this.#update(key, reports, nodes);
    for (const entry of this.#registry.entries()) {
      const key = versionKey(entry.name, entry.versionNumber);
      if (!reported.has(key)) this.#notReady(entry, "unavailable", whyNotServed([], nodes, entry.version?.manifest.runtime ?? ""));
    }
    this.#registry.setObstacle("workers", whyNoWorker(nodes));
  }

  async #update(key: string, reports: readonly OnNode[], nodes: readonly NodeReport[]): Promise<void> {
    const { version: first } = reports[0] as OnNode;
    const entry = this.#registry.versionsOf(first.name).find((candidate) => candidate.versionNumber === first.version);
    const digest = servingDigest(reports, entry?.version?.digest);
    if (digest === null) {
      const reason = whyNotServed(reports, nodes, first.runtime);
      return this.#notReady(entry ?? this.#registry.addBroken({ name: first.name, version: first.version, reason }), stateWithoutReady(reports), reason);
    }
    const known = await this.#entryOf(key, digest);
    if (known === null) return;
    const serving = readyOnes(reports).filter(({ version }) => version.digest === digest);
    const slots = serving.reduce((sum, { version }) => sum + version.slots, 0);
    const status: VersionStatus = { state: "ready", signature: known.signature, slots, environments: environmentsOf(serving) };
    if (entry === undefined) this.#registry.setStatus(this.#registry.add(known.version).version ?? known.version, status);
    else if (entry.version !== known.version) this.#registry.replace(entry, known.version, status);
    else this.#report(entry, status);
  }

  /** Of a version that was never ready nothing is known but its name. */
  #notReady(entry: RegistryEntry, state: ReturnType<typeof stateWithoutReady>, reason: string): void {
    const unavailable: VersionStatus = { state: "unavailable", signature: null, reason };
    if (entry.version !== null) return this.#report(entry, unavailable);
    const status: VersionStatus = state === "loading" ? { state } : state === "failed" ? { state, reason } : unavailable;
    if (!isSame(entry.status, status)) this.#registry.replace(entry, null, status);
  }

  /** Listeners hear of changes only, not of every look. */
  #report(entry: RegistryEntry, status: VersionStatus): void {
    if (!isSame(entry.status, status) && entry.version !== null) this.#registry.setStatus(entry.version, status);
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

/** Null while one takes work. */
function whyNoWorker(nodes: readonly NodeReport[]): string | null {
  if (nodes.length === 0) return "there is no worker; start one with: idiom worker";
  return nodes.some(takesWork) ? null : `no worker takes calls: ${nodes.map(({ name, state }) => `node '${name}' is ${state}`).join("; ")}`;
}

function isSame(a: VersionStatus, b: VersionStatus): boolean {
  return a.state === b.state && slotsOf(a) === slotsOf(b) && reasonOf(a) === reasonOf(b) && seenEnvironments(a) === seenEnvironments(b);
}

function reasonOf(status: VersionStatus): string {
  return "reason" in status ? status.reason : "";
}

function seenEnvironments(status: VersionStatus): string {
  return status.state === "ready" ? status.environments.join() : "";
}

function slotsOf(status: VersionStatus): number {
  return status.state === "ready" ? status.slots : 0;
}
