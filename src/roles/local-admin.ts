// What one process says of itself, whatever its role, and what it does when it is asked to.
import { hostname } from "node:os";
import type { Instance } from "../../workers/instance/instance.ts";
import type { WorkerNode } from "../../workers/node.ts";
import { probeRuntime, type RuntimeDefinition } from "../../workers/runtimes.ts";
import type {
  AdminBackend,
  InstanceSummary,
  LogChunk,
  LogQuery,
  NodeSummary,
  RuntimeSummary,
  SystemStatus,
  TensorSummary,
  UpdateSummary,
  VersionChange,
  VersionDescription,
  VersionLoad,
  VersionSummary,
} from "../core/admin.ts";
import { IdiomError } from "../core/errors.ts";
import { type ModelVersion, versionKey } from "../core/model.ts";
import type { TensorSpec } from "../core/signature.ts";
import type { NodeReport, ReportedVersion } from "../lanes/realtime/node-report.ts";
import type { DirectoryEntry } from "../lanes/realtime/version-directory.ts";
import { VERSION } from "../package-root.ts";
import type { Registry, RegistryEntry, VersionUpdate } from "../registry/registry.ts";
import type { LogRing } from "../telemetry/log-ring.ts";
import type { Metrics } from "../telemetry/metrics.ts";
import type { ModelReload } from "./model-reload.ts";

export interface LocalAdminParts {
  /** Names this life of this process. */
  readonly id: string;
  /** What people call it. */
  readonly name: string;
  readonly role: NodeReport["role"];
  readonly registry: Registry;
  readonly metrics: Metrics;
  readonly logs: LogRing;
  /** Null where no models run. */
  readonly worker: LocalWorker | null;
  /** What is not as it should be, apart from the models and their folder. */
  readonly problems: () => readonly string[];
  /** Takes nothing new, and resolves when what runs is done. */
  readonly drain: () => Promise<void>;
}

export interface LocalWorker {
  readonly node: WorkerNode;
  readonly reload: ModelReload;
  /** The languages that it runs. */
  readonly runtimes: readonly RuntimeDefinition[];
  /** Whether the version is written in a language that this node does not run, and others may. */
  isForeign(version: ModelVersion): boolean;
  readonly data: string;
}

export class LocalAdmin implements AdminBackend {
  readonly #parts: LocalAdminParts;
  readonly #startedAtMs = Date.now();
  #drained = false;
  #runtimes: readonly RuntimeSummary[];
  #probed: Promise<void> | null = null;

  constructor(parts: LocalAdminParts) {
    this.#parts = parts;
    this.#runtimes = parts.worker?.runtimes.map(({ language }) => ({ language, version: "", problem: "" })) ?? [];
  }

  /** For the other processes of a cluster. */
  report(): NodeReport {
    const { id, name, role, registry, worker } = this.#parts;
    return {
      id,
      name,
      role,
      host: hostname(),
      pid: process.pid,
      idiom: VERSION,
      startedAtMs: this.#startedAtMs,
      state: this.#state,
      runtimes: [...this.#runtimes],
      problems: this.#otherProblems(),
      versions: worker === null ? [] : registry.entries().map((entry) => this.#reported(worker, entry)),
    };
  }

  /** What gateways without models need to know of those that are ready here. */
  directory(): DirectoryEntry[] {
    return this.#parts.registry
      .entries()
      .flatMap(({ version, status }) => (version !== null && status.state === "ready" ? [{ version, signature: status.signature }] : []));
  }

  /** Requests that wait in this process. */
  waiting(): number {
    const { registry, metrics } = this.#parts;
    return registry.versions().reduce((sum, version) => sum + metrics.queueLength(version.key), 0);
  }

  /** Asks each language for its version, once. That starts a process each: not while models load. */
  probe(): Promise<void> {
    const { worker } = this.#parts;
    this.#probed ??= Promise.all(worker?.runtimes.map((runtime) => probeRuntime(runtime, worker.data)) ?? []).then((found) => {
      this.#runtimes = found.map((status) => ({
        language: status.language,
        version: status.ok ? status.version : "",
        problem: status.ok ? "" : status.problem,
      }));
    });
    return this.#probed;
  }

  /** Resolves when what ran here is done. */
  async drain(): Promise<void> {
    await this.#parts.drain();
    this.#drained = true;
  }

  async listModels(): Promise<VersionSummary[]> {
    return this.#parts.registry.entries().map((entry) => this.#summary(entry));
  }

  async describeModel(name: string, version: string): Promise<VersionDescription[]> {
    const { registry } = this.#parts;
    const named = registry.find(name, version);
    return (version === "" ? registry.versionsOf(name) : [named]).map((entry) => this.#description(entry));
  }

  async listNodes(): Promise<NodeSummary[]> {
    return [await this.#self()];
  }

  async drainNode(name: string): Promise<NodeSummary> {
    if (name !== this.#parts.name) throw new IdiomError("NODE_NOT_FOUND", `there is no node '${name}'; there is: ${this.#parts.name}`);
    await this.drain();
    return this.#self();
  }

  reloadModels(wait: boolean): Promise<VersionChange[]> {
    const { worker } = this.#parts;
    return worker === null ? Promise.resolve([]) : worker.reload.reload(wait);
  }

  tailLogs(query: LogQuery, signal: AbortSignal): AsyncIterable<LogChunk> {
    const { logs, registry } = this.#parts;
    if (query.model !== "" && !logs.knows(query.model)) registry.find(query.model, "");
    return logs.tail(query, signal);
  }

  async status(): Promise<SystemStatus> {
    const { registry } = this.#parts;
    return {
      accepting: registry.accepting,
      idiomVersion: VERSION,
      uptimeMs: Date.now() - this.#startedAtMs,
      nodes: 1,
      problems: this.#problems(),
      versions: registry.entries().map((entry) => this.#load(entry)),
    };
  }

  #problems(): string[] {
    const { registry } = this.#parts;
    const problems = registry.entries().flatMap(({ name, versionNumber, status, update }) => {
      const who = `model '${name}' version '${versionNumber}'`;
      const now = status.state === "failed" || status.state === "unavailable" ? [`${who} is ${status.state}: ${firstLine(status.reason)}`] : [];
      const next = update?.state === "failed" ? [`${who} serves what its folder held before; what it holds now: ${firstLine(update.reason)}`] : [];
      return [...now, ...next];
    });
    if (this.#state !== "serving") problems.unshift(`node '${this.#parts.name}' is ${this.#state}`);
    return [...problems, ...this.#otherProblems()];
  }

  #otherProblems(): string[] {
    const folder = this.#parts.worker?.reload.problem ?? null;
    return [...(folder === null ? [] : [`the models folder cannot be read: ${firstLine(folder)}`]), ...this.#parts.problems()];
  }

  #load(entry: RegistryEntry): VersionLoad {
    const { metrics } = this.#parts;
    const { name, versionNumber, version, status } = entry;
    const load = version === null ? null : metrics.requestLoad(version.key);
    return {
      name,
      version: versionNumber,
      state: status.state,
      requestsPerSecond: load?.requestsPerSecond ?? 0,
      errorsPerSecond: load?.errorsPerSecond ?? 0,
      p50Ms: load?.p50Ms ?? null,
      p99Ms: load?.p99Ms ?? null,
      waiting: version === null ? 0 : metrics.queueLength(version.key),
      ...this.#counts(version),
      requests: load?.requests ?? 0,
    };
  }

  #summary(entry: RegistryEntry): VersionSummary {
    const { name, versionNumber, version, status, update } = entry;
    return {
      name,
      version: versionNumber,
      runtime: version?.manifest.runtime ?? "",
      state: status.state,
      reason: "reason" in status ? status.reason : "",
      digest: version?.digest ?? "",
      ...this.#counts(version),
      update: update === null ? null : updateSummary(update),
    };
  }

  #counts(version: ModelVersion | null): { readyInstances: number; instances: number } {
    const instances = this.#instancesOf(version);
    return { readyInstances: instances.filter((instance) => instance.state.name === "ready").length, instances: instances.length };
  }

  #description(entry: RegistryEntry): VersionDescription {
    const { version, status, update } = entry;
    const signature = "signature" in status ? status.signature : null;
    const manifest = version?.manifest ?? null;
    const next = update?.state === "loading" ? update.version : null;
    return {
      summary: this.#summary(entry),
      folder: version?.folder ?? "",
      entry: manifest?.entry ?? "",
      per: manifest?.per ?? "",
      idempotent: manifest?.idempotent ?? false,
      batching: manifest?.batching ?? null,
      limits: manifest?.limits ?? null,
      inputs: signature?.inputs.map(tensorSummary) ?? [],
      outputs: signature?.outputs.map(tensorSummary) ?? [],
      instances: [version, next].flatMap((one) => this.#instancesOf(one).map((instance) => this.#instance(instance, one))),
    };
  }

  #instance(instance: Instance, version: ModelVersion | null): InstanceSummary {
    const { state } = instance;
    return {
      node: this.#parts.name,
      name: instance.name,
      state: state.name,
      reason: "reason" in state ? state.reason : "",
      generation: instance.generation,
      pid: instance.pid ?? 0,
      digest: version?.digest ?? "",
    };
  }

  #instancesOf(version: ModelVersion | null): readonly Instance[] {
    return this.#parts.worker?.node.pools.find((pool) => pool.version === version)?.instances ?? [];
  }

  get #state(): NodeReport["state"] {
    if (!this.#parts.registry.draining) return "serving";
    return this.#drained ? "drained" : "draining";
  }

  #reported({ isForeign }: LocalWorker, entry: RegistryEntry): ReportedVersion {
    const { name, versionNumber, version, status, update } = entry;
    return {
      key: versionKey(name, versionNumber),
      name,
      version: versionNumber,
      digest: version?.digest ?? "",
      runtime: version?.manifest.runtime ?? "",
      state: version !== null && isForeign(version) ? "foreign" : status.state,
      reason: "reason" in status ? status.reason : "",
      slots: status.state === "ready" ? status.slots : 0,
      ...this.#counts(version),
      update: update === null ? null : updateSummary(update),
    };
  }

  async #self(): Promise<NodeSummary> {
    await this.probe();
    const { name, state, role, idiom: idiomVersion, startedAtMs, pid, runtimes, versions } = this.report();
    const sum = (count: (version: ReportedVersion) => number): number => versions.reduce((total, version) => total + count(version), 0);
    return {
      name,
      state,
      role,
      idiomVersion,
      startedAtMs,
      pid,
      runtimes,
      readyInstances: sum((version) => version.readyInstances),
      instances: sum((version) => version.instances),
      waiting: this.waiting(),
    };
  }
}

function updateSummary(update: VersionUpdate): UpdateSummary {
  if (update.state === "loading") return { digest: update.version.digest, state: "loading", reason: "" };
  return update;
}

function tensorSummary({ name, datatype, shape, contentType, na, levels }: TensorSpec): TensorSummary {
  return { name, datatype, shape, contentType: contentType ?? "", na: na === null ? "" : JSON.stringify(na), levels: levels ?? [] };
}

function firstLine(text: string): string {
  return text.split("\n")[0] as string;
}
