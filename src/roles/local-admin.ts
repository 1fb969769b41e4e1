// What one process says of itself, whatever its role, and what it does when it is asked to.
import { hostname } from "node:os";
import type { Instance } from "../../workers/instance/instance.ts";
import type { WorkerNode } from "../../workers/node.ts";
import { probeRuntime, type RuntimeDefinition } from "../../workers/runtimes.ts";
import type { Launcher } from "../../workers/sandbox/launcher.ts";
import type {
  InstanceSummary,
  LogChunk,
  LogQuery,
  NodeAdmin,
  NodeLoad,
  RuntimeSummary,
  UpdateSummary,
  VersionChange,
  VersionDescription,
  VersionSummary,
} from "../core/admin.ts";
import { type ModelVersion, versionKey } from "../core/model.ts";
import type { NodeReport, ReportedVersion } from "../lanes/realtime/node-report.ts";
import type { DirectoryEntry } from "../lanes/realtime/version-directory.ts";
import { VERSION } from "../package-root.ts";
import type { Registry, RegistryEntry, VersionUpdate } from "../registry/registry.ts";
import type { LogRing } from "../telemetry/log-ring.ts";
import type { Metrics } from "../telemetry/metrics.ts";
import { firstLine } from "./cluster-versions.ts";
import { describeEntry, environmentOf } from "./entry-description.ts";
import type { ModelReload } from "./model-reload.ts";

export interface LocalAdminParts {
  /** Names this life of this process. */
  readonly id: string;
  /** What people call it. */
  readonly name: string;
  readonly role: NodeReport["role"];
  /** All that it answers calls for, wherever that runs. */
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
  /** Of its own folder of models, and nothing else. */
  readonly registry: Registry;
  readonly node: WorkerNode;
  readonly reload: ModelReload;
  /** The languages that it runs. */
  readonly runtimes: readonly RuntimeDefinition[];
  /** Whether the version is written in a language that this node does not run, and others may. */
  isForeign(version: ModelVersion): boolean;
  readonly data: string;
  readonly sandbox: Launcher;
}

export function sandboxOf({ level, layers }: Launcher): { level: string; layers: string[] } {
  return { level, layers: [...layers] };
}

export class LocalAdmin implements NodeAdmin {
  readonly #parts: LocalAdminParts;
  readonly #startedAtMs = Date.now();
  #drained: Promise<void> | null = null;
  #state: NodeReport["state"] = "serving";
  #runtimes: readonly RuntimeSummary[];
  #probed: Promise<void> | null = null;

  constructor(parts: LocalAdminParts) {
    this.#parts = parts;
    this.#runtimes = parts.worker?.runtimes.map(({ language }) => ({ language, version: "", problem: "" })) ?? [];
  }

  /** For the other processes of a cluster. */
  report(): NodeReport {
    const { id, name, role, worker } = this.#parts;
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
      sandbox: worker === null ? null : sandboxOf(worker.sandbox),
      problems: this.#problems(),
      versions: worker?.registry.entries().map((entry) => this.#reported(worker, entry)) ?? [],
    };
  }

  /** Requests that wait in this process. */
  waiting(): number {
    const { worker, metrics } = this.#parts;
    return (worker?.registry.versions() ?? []).reduce((sum, version) => sum + metrics.queueLength(version.key), 0);
  }

  /** What front doors elsewhere need to know of the versions that are ready here. */
  directory(): DirectoryEntry[] {
    const entries = this.#parts.worker?.registry.entries() ?? [];
    return entries.flatMap(({ version, status }) => (version !== null && status.state === "ready" ? [{ version, signature: status.signature }] : []));
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

  async describe(name: string, version: string): Promise<VersionDescription[]> {
    const entries = this.#parts.worker?.registry.versionsOf(name) ?? [];
    return entries.filter(({ versionNumber }) => version === "" || version === versionNumber).map((entry) => this.#description(entry));
  }

  async load(): Promise<NodeLoad[]> {
    const { registry, metrics } = this.#parts;
    return registry.versions().map(({ key }) => ({ key, waiting: metrics.queueLength(key), requests: metrics.requestCounts(key) }));
  }

  drain(): Promise<void> {
    this.#drained ??= this.#drain();
    return this.#drained;
  }

  async reload(wait: boolean): Promise<VersionChange[]> {
    return (await this.#parts.worker?.reload.reload(wait))?.map((change) => ({ ...change, node: this.#parts.name })) ?? [];
  }

  async *tailLogs(query: LogQuery, signal: AbortSignal): AsyncGenerator<LogChunk, void, void> {
    const { logs, registry } = this.#parts;
    if (query.model !== "" && !logs.knows(query.model)) registry.find(query.model, "");
    yield* logs.tail(query, signal);
  }

  async #drain(): Promise<void> {
    this.#state = "draining";
    await this.#parts.drain();
    this.#state = "drained";
  }

  #problems(): string[] {
    const folder = this.#parts.worker?.reload.problem ?? null;
    return [...(folder === null ? [] : [`the models folder cannot be read: ${firstLine(folder)}`]), ...this.#parts.problems()];
  }

  #reported({ isForeign }: LocalWorker, entry: RegistryEntry): ReportedVersion {
    const { version, status } = entry;
    const { name, version: number, runtime, reason, digest, readyInstances, instances, update } = this.#summary(entry);
    const state = version !== null && isForeign(version) ? "foreign" : status.state;
    const slots = status.state === "ready" ? status.slots : 0;
    const environment = environmentOf(status);
    return { key: versionKey(name, number), name, version: number, runtime, state, reason, digest, environment, slots, readyInstances, instances, update };
  }

  #summary(entry: RegistryEntry): VersionSummary {
    const { name, versionNumber, version, status, update } = entry;
    const instances = this.#instancesOf(version);
    return {
      name,
      version: versionNumber,
      runtime: version?.manifest.runtime ?? "",
      state: status.state,
      reason: "reason" in status ? status.reason : "",
      digest: version?.digest ?? "",
      readyInstances: instances.filter((instance) => instance.state.name === "ready").length,
      instances: instances.length,
      update: update === null ? null : updateSummary(update),
      readyNodes: [],
    };
  }

  #description(entry: RegistryEntry): VersionDescription {
    const { version, update } = entry;
    const next = update?.state === "loading" ? update.version : null;
    return {
      summary: this.#summary(entry),
      ...describeEntry(entry),
      instances: [version, next].flatMap((one) => this.#instancesOf(one).map((instance) => this.#instance(instance, one))),
      nodes: [],
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
      lastExit: instance.lastExit,
    };
  }

  #instancesOf(version: ModelVersion | null): readonly Instance[] {
    return this.#parts.worker?.node.pools.find((pool) => pool.version === version)?.instances ?? [];
  }
}

function updateSummary(update: VersionUpdate): UpdateSummary {
  if (update.state === "loading") return { digest: update.version.digest, state: "loading", reason: "" };
  return update;
}
