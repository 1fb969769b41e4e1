// The admin service's backend for one process: what it says of itself.
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
import type { ModelVersion } from "../core/model.ts";
import type { TensorSpec } from "../core/signature.ts";
import { VERSION } from "../package-root.ts";
import type { Registry, RegistryEntry, VersionUpdate } from "../registry/registry.ts";
import type { LogRing } from "../telemetry/log-ring.ts";
import type { Metrics } from "../telemetry/metrics.ts";
import type { ModelReload } from "./model-reload.ts";

export interface LocalAdminParts {
  /** The name of this node. */
  readonly name: string;
  readonly registry: Registry;
  readonly node: WorkerNode;
  readonly metrics: Metrics;
  readonly reload: ModelReload;
  readonly logs: LogRing;
  readonly runtimes: readonly RuntimeDefinition[];
  readonly data: string;
  /** What is wrong with Redis; null when nothing is. */
  readonly redisProblem: () => string | null;
  /** Takes nothing new, and resolves when what runs is done. */
  readonly drain: () => Promise<void>;
}

export class LocalAdmin implements AdminBackend {
  readonly #parts: LocalAdminParts;
  readonly #startedAtMs = Date.now();
  #nodeState: NodeSummary["state"] = "serving";
  #runtimes: Promise<RuntimeSummary[]> | null = null;

  constructor(parts: LocalAdminParts) {
    this.#parts = parts;
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
    this.#nodeState = "draining";
    await this.#parts.drain();
    this.#nodeState = "drained";
    return this.#self();
  }

  reloadModels(wait: boolean): Promise<VersionChange[]> {
    return this.#parts.reload.reload(wait);
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
    const { registry, reload, redisProblem } = this.#parts;
    const redis = redisProblem();
    const problems = registry.entries().flatMap(({ name, versionNumber, status, update }) => {
      const who = `model '${name}' version '${versionNumber}'`;
      const now = status.state === "failed" || status.state === "unavailable" ? [`${who} is ${status.state}: ${firstLine(status.reason)}`] : [];
      const next = update?.state === "failed" ? [`${who} serves what its folder held before; what it holds now: ${firstLine(update.reason)}`] : [];
      return [...now, ...next];
    });
    if (this.#nodeState !== "serving") problems.unshift(`node '${this.#parts.name}' is ${this.#nodeState}`);
    if (reload.problem !== null) problems.push(`the models folder cannot be read: ${firstLine(reload.problem)}`);
    if (redis !== null) problems.push(redis);
    return problems;
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
    return this.#parts.node.pools.find((pool) => pool.version === version)?.instances ?? [];
  }

  async #self(): Promise<NodeSummary> {
    const { name, node, registry, metrics, runtimes, data } = this.#parts;
    // Asking each language for its version starts a process: once is enough.
    this.#runtimes ??= Promise.all(runtimes.map(async (runtime) => ({ version: "", problem: "", ...(await probeRuntime(runtime, data)) })));
    const instances = node.pools.flatMap((pool) => pool.instances);
    return {
      name,
      state: this.#nodeState,
      role: "up",
      idiomVersion: VERSION,
      startedAtMs: this.#startedAtMs,
      pid: process.pid,
      runtimes: await this.#runtimes,
      readyInstances: instances.filter((instance) => instance.state.name === "ready").length,
      instances: instances.length,
      waiting: registry.versions().reduce((sum, version) => sum + metrics.queueLength(version.key), 0),
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
