// A worker node: the pools of every version that it can run, attached to the lane.
import type { Logger } from "pino";
import { IdiomError } from "../src/core/errors.ts";
import type { ModelVersion, VersionStatus } from "../src/core/model.ts";
import type { RealtimeLane } from "../src/lanes/realtime/lane.ts";
import type { Metrics } from "../src/telemetry/metrics.ts";
import { librariesOf } from "./environments/libraries.ts";
import type { Instance, PreparedVersion } from "./instance/instance.ts";
import { Pool, type PoolLimits } from "./pool/pool.ts";
import { harnessEnvironment, type RuntimeDefinition, resolveCommand } from "./runtimes.ts";
import type { Launcher } from "./sandbox/launcher.ts";

export interface WorkerNodeOptions {
  readonly runtimes: readonly RuntimeDefinition[];
  readonly data: string;
  readonly launcher: Launcher;
  readonly limits: PoolLimits;
  /** Versions that may load at the same time; more only slow each other down. */
  readonly parallelLoads: number;
}

export interface WorkerNodeDependencies {
  readonly lane: RealtimeLane;
  readonly metrics: Metrics;
  readonly log: Logger;
  readonly statusChanged: (version: ModelVersion, status: VersionStatus) => void;
}

export class WorkerNode {
  readonly #options: WorkerNodeOptions;
  readonly #dependencies: WorkerNodeDependencies;
  readonly #pools = new Map<string, Pool>();
  readonly #queue: ModelVersion[] = [];
  #loading = 0;
  /** Called for each version that leaves the state `loading`, by its key. */
  readonly #settled = new Map<string, () => void>();
  #stopped = false;

  constructor(options: WorkerNodeOptions, dependencies: WorkerNodeDependencies) {
    this.#options = options;
    this.#dependencies = dependencies;
  }

  /** Begins to serve these versions. Their status is reported as it changes; what cannot be loaded hinders no other. */
  serve(versions: readonly ModelVersion[]): void {
    this.#queue.push(...versions);
    this.#loadNext();
  }

  instancesOf(versionKey: string): readonly Instance[] {
    return this.#pools.get(versionKey)?.instances ?? [];
  }

  /** Answers what waits, then ends every instance; what is not done after `timeoutMs` is killed. */
  async drain(timeoutMs: number): Promise<void> {
    this.#stopped = true;
    this.#queue.length = 0;
    const pools = [...this.#pools.values()];
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<void>((resolve) => {
      timer = setTimeout(() => {
        for (const pool of pools) pool.kill();
        resolve();
      }, timeoutMs);
    });
    const drained = Promise.all(pools.map((pool) => pool.drain()));
    await Promise.race([drained, late]);
    clearTimeout(timer);
    await drained;
  }

  #loadNext(): void {
    while (this.#loading < this.#options.parallelLoads) {
      const version = this.#queue.shift();
      if (version === undefined) return;
      this.#loading++;
      void this.#load(version).finally(() => {
        this.#loading--;
        this.#loadNext();
      });
    }
  }

  async #load(version: ModelVersion): Promise<void> {
    try {
      const prepared = await this.#prepare(version);
      if (this.#stopped) return;
      await this.#startPool(prepared);
    } catch (error) {
      const { message } = IdiomError.from(error);
      this.#dependencies.log.error({ model: version.name, version: version.version }, `cannot be loaded: ${message}`);
      this.#dependencies.statusChanged(version, { state: "failed", reason: message });
    }
  }

  async #prepare(version: ModelVersion): Promise<PreparedVersion> {
    const { runtimes, data } = this.#options;
    const { runtime: language, limits } = version.manifest;
    const runtime = runtimes.find((candidate) => candidate.language === language);
    if (runtime === undefined)
      throw new IdiomError("MODEL_INVALID", `no runtime '${language}'; there are: ${runtimes.map((candidate) => candidate.language).join(", ")}`);
    return {
      version,
      softCancel: runtime.soft_cancel,
      libraries: await librariesOf(version, data),
      command: {
        command: resolveCommand(runtime, runtime.command, data, limits.memoryBytes),
        env: harnessEnvironment(runtime),
        cwd: version.folder,
        transport: runtime.transport,
      },
    };
  }

  /** Resolves when the version has settled for the first time, whichever way. */
  #startPool(prepared: PreparedVersion): Promise<void> {
    const { version } = prepared;
    const { lane, metrics, log } = this.#dependencies;
    return new Promise((resolve) => {
      this.#settled.set(version.key, resolve);
      const pool = new Pool(prepared, {
        launcher: this.#options.launcher,
        limits: this.#options.limits,
        metrics,
        log,
        statusChanged: (_version, status) => this.#statusChanged(version, status),
      });
      this.#pools.set(version.key, pool);
      lane.attach(version.key, pool);
      pool.start();
    });
  }

  #statusChanged(version: ModelVersion, status: VersionStatus): void {
    this.#dependencies.statusChanged(version, status);
    if (status.state === "loading") return;
    this.#settled.get(version.key)?.();
    this.#settled.delete(version.key);
  }
}
