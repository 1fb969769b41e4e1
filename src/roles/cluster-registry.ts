// The registry of a front door in a cluster: the versions of this process' own folder as they are, whatever becomes of Redis, and beyond
// them, and where they are not ready here, what the other nodes say they serve.
import type { Logger } from "pino";
import { type ModelVersion, type VersionStatus, versionKey } from "../core/model.ts";
import type { Signature } from "../core/signature.ts";
import { type NodeReport, takesWork } from "../lanes/realtime/node-report.ts";
import type { DirectoryEntry } from "../lanes/realtime/version-directory.ts";
import { Registry, type RegistryEntry } from "../registry/registry.ts";
import {
  distinctNames,
  environmentsOf,
  type OnNode,
  readyOnes,
  reportsByVersion,
  servingDigest,
  stateWithoutReady,
  whyNotServed,
  willServe,
} from "./cluster-versions.ts";

/** The way to what nodes have written of their versions. */
interface Directory {
  /** Names this life of this process among the nodes. */
  readonly id: string;
  lookUp(wanted: { readonly key: string; readonly digest: string }): Promise<DirectoryEntry | null>;
}

type Content = Pick<RegistryEntry, "version" | "status">;

export class ClusterRegistry extends Registry {
  readonly #own: Registry | null;
  readonly #directory: Directory;
  readonly #log: Logger;
  /** By key and digest. */
  readonly #known = new Map<string, DirectoryEntry>();
  #nodes: readonly NodeReport[] = [];
  /** What the others say, by key. */
  #reports: ReadonlyMap<string, readonly OnNode[]> = new Map();
  #whyNoWorker: string | null = "Redis has not been reached yet";
  #redisProblem: string | null = null;

  /** `own`: the models that run in this process, which starts and drains with them; null: none do. */
  constructor(own: Registry | null, directory: Directory, log: Logger) {
    super({ versions: [], broken: [] });
    this.#own = own;
    this.#directory = directory;
    this.#log = log;
    for (const { name, versionNumber } of own?.entries() ?? []) this.#update(name, versionNumber);
    own?.onStatus(({ name, versionNumber }) => this.#ownChanged(name, versionNumber));
    own?.onAccepting(() => this.acceptingChanged());
  }

  override get settled(): boolean {
    return this.#own?.settled ?? super.settled;
  }

  override get draining(): boolean {
    return this.#own?.draining ?? super.draining;
  }

  /** Models of its own need neither Redis nor other nodes. */
  override get obstacle(): string | null {
    return this.#own === null ? this.whyUnknown : null;
  }

  override get whyUnknown(): string | null {
    return this.#redisProblem ?? this.#whyNoWorker;
  }

  /** Why no call to this version can go through Redis now: Redis itself, or that nobody would take it there. */
  whyNotRemote(version: ModelVersion): string | null {
    if (this.#redisProblem !== null || !this.draining || this.#isElsewhere(version)) return this.#redisProblem;
    return "this node is draining, and no other one serves it";
  }

  /** Whether what waits for this version in Redis, which answers, is this node's to take and nobody else's. */
  isOursAlone(version: ModelVersion): boolean {
    return this.#redisProblem === null && !this.#isElsewhere(version);
  }

  /** Whether another node takes calls to this version, now or once it is ready there. */
  #isElsewhere({ key, digest }: ModelVersion): boolean {
    return this.#reports.get(key)?.some((one) => one.version.digest === digest && willServe(one)) ?? false;
  }

  /** Why Redis cannot be used now: nobody else can be reached; null when it can. */
  setRedisProblem(problem: string | null): void {
    if (problem === this.#redisProblem) return;
    this.#redisProblem = problem;
    this.#updateAll();
    this.acceptingChanged();
  }

  /** Brings the registry to what these members say now. */
  async see(members: readonly NodeReport[]): Promise<void> {
    const nodes = distinctNames(members).filter(({ role }) => role !== "gateway");
    const reports = reportsByVersion(nodes.filter(({ id }) => id !== this.#directory.id));
    for (const [key, on] of reports) await this.#learn(key, on);
    const [before, obstacle] = [this.#reports, this.obstacle];
    this.#nodes = nodes;
    this.#reports = reports;
    this.#whyNoWorker = whyNoWorker(nodes);
    for (const [key, on] of before) if (!reports.has(key)) this.#unreported(on);
    this.#updateAll();
    if (this.obstacle !== obstacle) this.acceptingChanged();
  }

  /** Where a node that had it is still there, it was removed from its folder; what went with its nodes is remembered. */
  #unreported(before: readonly OnNode[]): void {
    const [{ version }] = before as [OnNode];
    const removed = before.some((one) => this.#nodes.some(({ id }) => id === one.node.id));
    if (removed && this.#own?.entry(version.name, version.version) === undefined) this.#forget(version.name, version.version);
  }

  #ownChanged(name: string, number: string): void {
    const removed = this.#own?.entry(name, number) === undefined;
    if (removed) this.#forget(name, number);
    if (!removed || this.#reports.has(versionKey(name, number))) this.#update(name, number);
    this.acceptingChanged();
  }

  #forget(name: string, number: string): void {
    const entry = this.entry(name, number);
    if (entry !== undefined) this.remove(entry);
  }

  #updateAll(): void {
    for (const [{ version }] of this.#reports.values() as Iterable<[OnNode]>) this.#update(version.name, version.version);
    for (const { name, versionNumber } of this.entries()) this.#update(name, versionNumber);
  }

  /** Listeners hear of changes only, not of every look. */
  #update(name: string, number: string): void {
    const entry = this.entry(name, number);
    const content = this.#contentOf(name, number, entry);
    if (content !== undefined && !isSame(entry, content)) this.put(name, number, content.version, content.status);
  }

  /** Undefined while nothing is known but that others have it. */
  #contentOf(name: string, number: string, entry: RegistryEntry | undefined): Content | undefined {
    const own = this.#own?.entry(name, number);
    const key = versionKey(name, number);
    const reports = this.#redisProblem === null ? (this.#reports.get(key) ?? []) : [];
    const digest = this.#digestElsewhere(reports, own?.version ?? null, entry?.version ?? null);
    const elsewhere = readyOnes(reports).filter(({ version }) => version.digest === digest);
    const environments = environmentsOf(elsewhere);
    if (own?.status.state === "ready") {
      const { version, status } = own;
      return { version, status: { ...status, environments: [...new Set([...status.environments, ...environments])] } };
    }
    if (digest === null) return own ?? this.#notServed(reports, entry);
    const known = this.#known.get(`${key} ${digest}`);
    if (known === undefined) return own ?? entry;
    const slots = elsewhere.reduce((sum, { version }) => sum + version.slots, 0);
    return { version: known.version, status: { state: "ready", signature: known.signature, slots, environments } };
  }

  /** The files with which others serve a version; null when none do. Those of our own folder, where it has the version, and no others. */
  #digestElsewhere(reports: readonly OnNode[], own: ModelVersion | null, now: ModelVersion | null): string | null {
    const usable = own === null ? reports : reports.filter(({ version }) => version.digest === own.digest);
    return servingDigest(usable, now?.digest);
  }

  /** Of a version that was never ready nothing is known but its name. */
  #notServed(reports: readonly OnNode[], entry: RegistryEntry | undefined): Content {
    const version = entry?.version ?? null;
    const runtime = version?.manifest.runtime ?? reports[0]?.version.runtime ?? "";
    const reason = this.#redisProblem ?? whyNotServed(reports, this.#nodes, runtime);
    const state = version === null ? stateWithoutReady(reports) : "unavailable";
    if (state === "loading") return { version, status: { state } };
    return { version, status: state === "failed" ? { state, reason } : { state, signature: null, reason } };
  }

  /** Reads what nodes have written of the files that serve a version. */
  async #learn(key: string, reports: readonly OnNode[]): Promise<void> {
    const [{ version }] = reports as [OnNode];
    const own = this.#own?.entry(version.name, version.version)?.version ?? null;
    const digest = this.#digestElsewhere(reports, own, this.entry(version.name, version.version)?.version ?? null);
    const name = `${key} ${digest}`;
    if (digest === null || this.#known.has(name)) return;
    try {
      const found = await this.#directory.lookUp({ key, digest });
      if (found !== null) this.#known.set(name, found);
    } catch (error) {
      this.#log.error({ version: key, error: (error as Error).message }, "what a node wrote of this version cannot be read; do all nodes run the same Idiom?");
    }
  }
}

/** Null while one takes work. */
function whyNoWorker(nodes: readonly NodeReport[]): string | null {
  if (nodes.length === 0) return "there is no worker; start one with: idiom worker";
  return nodes.some(takesWork) ? null : `no worker takes calls: ${nodes.map(({ name, state }) => `node '${name}' is ${state}`).join("; ")}`;
}

function isSame(entry: Content | undefined, { version, status }: Content): boolean {
  if (entry?.version !== version || entry.status.state !== status.state) return false;
  return (
    slotsOf(entry.status) === slotsOf(status) &&
    reasonOf(entry.status) === reasonOf(status) &&
    signatureOf(entry.status) === signatureOf(status) &&
    seenEnvironments(entry.status) === seenEnvironments(status)
  );
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

function signatureOf(status: VersionStatus): Signature | null {
  return "signature" in status ? status.signature : null;
}
