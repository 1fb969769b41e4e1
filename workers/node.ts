// A worker node: the pools of every version that it can run, attached to the lane.
import type { Logger } from "pino";
import { IdiomError } from "../src/core/errors.ts";
import type { ModelVersion, VersionStatus } from "../src/core/model.ts";
import type { BundleConsumer, BundleFeeder } from "../src/lanes/realtime/bundle-feeder.ts";
import type { RealtimeLane } from "../src/lanes/realtime/lane.ts";
import { LEASE_MS } from "../src/lanes/realtime/membership.ts";
import type { Metrics } from "../src/telemetry/metrics.ts";
import { environmentDigest } from "./environments/digest.ts";
import { librariesOf } from "./environments/libraries.ts";
import type { Instance, PreparedVersion } from "./instance/instance.ts";
import { Capacity, type CapacityLimits } from "./pool/capacity.ts";
import { Pool, type PoolLimits } from "./pool/pool.ts";
import { canFork, harnessEnvironment, type RuntimeDefinition, resolveCommand } from "./runtimes.ts";
import type { Launcher } from "./sandbox/launcher.ts";
import { type Allowance, processLimits } from "./sandbox/limits.ts";
import { visiblePaths } from "./sandbox/visible.ts";
import { SignatureStore } from "./signature-store.ts";

/** How often each pool is asked which of its instances have idled or served long enough. */
const LOOK_EVERY_MS = 1000;

/** A gateway that has not seen within a lease which files the nodes serve now has lost that lease. */
const GATEWAYS_KNOW_MS = LEASE_MS;

export interface WorkerNodeOptions {
  readonly runtimes: readonly RuntimeDefinition[];
  readonly data: string;
  readonly launcher: Launcher;
  readonly allowance: Allowance;
  readonly limits: PoolLimits;
  readonly capacity: CapacityLimits;
  /** Versions that may load at the same time; more only slow each other down. */
  readonly parallelLoads: number;
}

export interface WorkerNodeDependencies {
  readonly lane: RealtimeLane;
  readonly metrics: Metrics;
  readonly log: Logger;
  readonly statusChanged: (version: ModelVersion, status: VersionStatus) => void;
  /** Bundles from Redis, for the pools of this node; null without Redis. */
  readonly feed: ((consumer: BundleConsumer, batch: boolean) => BundleFeeder) | null;
}

export class WorkerNode {
  readonly #options: WorkerNodeOptions;
  readonly #dependencies: WorkerNodeDependencies;
  readonly #pools = new Map<ModelVersion, Pool>();
  /** The pools that get calls, by the key of their version. */
  readonly #attached = new Map<string, Pool>();
  /** Pools that answer what they have and then end. */
  readonly #ending = new Map<Pool, Promise<void>>();
  readonly #queue: ModelVersion[] = [];
  #loading = 0;
  /** Called for each version that leaves the state `loading`. */
  readonly #settled = new Map<ModelVersion, () => void>();
  readonly #retired = new WeakSet<ModelVersion>();
  readonly #capacity: Capacity;
  readonly #signatures: SignatureStore;
  readonly #remembered = new WeakSet<ModelVersion>();
  readonly #looks: NodeJS.Timeout;
  #stopped = false;

  constructor(options: WorkerNodeOptions, dependencies: WorkerNodeDependencies) {
    this.#options = options;
    this.#dependencies = dependencies;
    this.#capacity = new Capacity(options.capacity);
    this.#signatures = new SignatureStore(options.data);
    this.#looks = setInterval(() => {
      for (const pool of this.#pools.values()) pool.look();
      this.#capacity.letGiveWay();
    }, LOOK_EVERY_MS).unref();
  }

  /**
   * Begins to serve these versions. Their status is reported as it changes; what cannot be loaded hinders no other. One whose key
   * is served already becomes ready beside the other, and gets its calls from then on; the other waits to be retired.
   */
  serve(versions: readonly ModelVersion[]): void {
    this.#queue.push(...versions);
    this.#loadNext();
  }

  /** Answers what waits for this version, here and in Redis, and ends its instances; what is not done after `timeoutMs` is killed. */
  async retire(version: ModelVersion, timeoutMs: number): Promise<void> {
    this.#retired.add(version);
    const waiting = this.#queue.indexOf(version);
    if (waiting !== -1) this.#queue.splice(waiting, 1);
    const pool = this.#pools.get(version);
    if (pool === undefined) return;
    if (this.#attached.get(version.key) === pool) {
      this.#dependencies.lane.detach(version.key);
      this.#attached.delete(version.key);
    }
    await this.#end(pool, pool.finish(GATEWAYS_KNOW_MS), timeoutMs);
    this.#pools.delete(version);
    this.#ending.delete(pool);
    this.#dependencies.metrics.forget(version);
  }

  /** Every pool, also those that are not serving yet or no more. */
  get pools(): readonly Pool[] {
    return [...this.#pools.values()];
  }

  /** The instances that get the calls of this version. */
  instancesOf(versionKey: string): readonly Instance[] {
    return this.#attached.get(versionKey)?.instances ?? [];
  }

  /**
   * Answers what waits here, then ends every instance; what is not done after `timeoutMs` is killed. Of a version for which `last` holds,
   * because no other node serves it, what waits in Redis is answered first.
   */
  async drain(timeoutMs: number, last: (version: ModelVersion) => boolean): Promise<void> {
    this.#stopped = true;
    clearInterval(this.#looks);
    this.#queue.length = 0;
    await Promise.all(this.pools.map((pool) => this.#end(pool, last(pool.version) ? pool.finish(0) : pool.drain(), timeoutMs)));
  }

  #end(pool: Pool, ending: Promise<void>, timeoutMs: number): Promise<void> {
    const known = this.#ending.get(pool);
    if (known !== undefined) return known;
    const timer = setTimeout(() => pool.kill(), timeoutMs);
    const ended = ending.finally(() => clearTimeout(timer));
    this.#ending.set(pool, ended);
    return ended;
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
      if (this.#stopped || this.#retired.has(version)) return;
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
    const command = resolveCommand(runtime, runtime.command, data, limits.memoryBytes);
    const forks = canFork(runtime, data);
    const libraries = await librariesOf(version, data);
    return {
      version,
      softCancel: runtime.soft_cancel,
      forks: forks && version.manifest.instances.fork,
      libraries,
      environmentOf: (languageVersion) => environmentDigest(language, languageVersion, data),
      confinement: {
        visible: visiblePaths(runtime, command, [version.folder, ...libraries], data),
        limits: processLimits({ ...runtime, forks }, version, this.#options.allowance),
      },
      command: {
        command,
        env: harnessEnvironment(runtime),
        cwd: version.folder,
        transport: runtime.transport,
        control: false,
      },
    };
  }

  /** Resolves when the version has settled for the first time, whichever way. */
  #startPool(prepared: PreparedVersion): Promise<void> {
    const { version } = prepared;
    const { metrics, log } = this.#dependencies;
    return new Promise((resolve) => {
      this.#settled.set(version, resolve);
      const known = version.manifest.instances.min === 0 ? this.#signatures.read(version) : null;
      const pool = new Pool(prepared, known, {
        launcher: this.#options.launcher,
        limits: this.#options.limits,
        capacity: this.#capacity,
        metrics,
        log,
        statusChanged: (_version, status) => this.#statusChanged(pool, status),
      });
      this.#pools.set(version, pool);
      pool.start();
    });
  }

  #statusChanged(pool: Pool, status: VersionStatus): void {
    const { version } = pool;
    if (status.state === "ready" && !this.#retired.has(version) && this.#attached.get(version.key) !== pool) this.#attach(pool);
    if (version.manifest.instances.min === 0) this.#rememberSignature(version, status);
    this.#dependencies.statusChanged(version, status);
    if (status.state === "loading") return;
    this.#settled.get(version)?.();
    this.#settled.delete(version);
  }

  #rememberSignature(version: ModelVersion, status: VersionStatus): void {
    try {
      if (status.state === "failed") this.#signatures.forget(version);
      if (status.state !== "ready" || status.slots === 0 || this.#remembered.has(version)) return;
      this.#remembered.add(version);
      this.#signatures.write(version, { signature: status.signature, environment: status.environments[0] ?? "" });
    } catch (error) {
      this.#dependencies.log.warn(
        { model: version.name, version: version.version },
        `the signature cannot be kept for the next start: ${(error as Error).message}`,
      );
    }
  }

  /** From now on this pool gets the calls of its key; another one that had them keeps what it has. */
  #attach(pool: Pool): void {
    const { lane, feed } = this.#dependencies;
    const before = this.#attached.get(pool.version.key);
    if (before !== undefined) this.#retired.add(before.version);
    this.#attached.set(pool.version.key, pool);
    lane.attach(pool.version.key, pool);
    if (feed !== null) pool.feedFrom(feed(pool, false), feed(pool, true));
  }
}
