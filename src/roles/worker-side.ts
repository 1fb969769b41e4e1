// What makes a process a worker: the models of a folder, their pools, and the reload that follows the folder.
import { availableParallelism } from "node:os";
import { join } from "node:path";
import type { Logger } from "pino";
import { WorkerNode } from "../../workers/node.ts";
import { type RuntimeDefinition, readRuntimes } from "../../workers/runtimes.ts";
import { announceSandbox, openSandbox } from "../../workers/sandbox/open.ts";
import { endStrays } from "../../workers/sandbox/strays.ts";
import type { Config } from "../config/config.ts";
import { IdiomError } from "../core/errors.ts";
import type { ModelVersion } from "../core/model.ts";
import type { RealtimeLane } from "../lanes/realtime/lane.ts";
import { PACKAGE_ROOT } from "../package-root.ts";
import { keepCallsInYoungHeap } from "../process/heaps.ts";
import { FolderWatch, scannedModels } from "../registry/folder-watch.ts";
import { Registry } from "../registry/registry.ts";
import type { Metrics } from "../telemetry/metrics.ts";
import type { LocalWorker } from "./local-admin.ts";
import { foreignStatus, ModelReload } from "./model-reload.ts";
import type { RealtimeRedis } from "./realtime-redis.ts";

export interface WorkerParts {
  readonly lane: RealtimeLane;
  readonly metrics: Metrics;
  readonly log: Logger;
  /** Joins the lane over Redis once the models are known; null without Redis. */
  readonly join: (registry: Registry) => RealtimeRedis | null | Promise<RealtimeRedis | null>;
}

export interface WorkerSide {
  /** For whoever asks about it. */
  readonly local: LocalWorker;
  readonly redis: RealtimeRedis | null;
  /** Begins to load and to take work. */
  start(): void;
  /** Takes nothing new, and resolves when what runs is done; of a version that is served here `last`, what waits in Redis too. */
  drain(last?: (version: ModelVersion) => boolean): Promise<void>;
}

/**
 * `languages` null: all that there are.
 * @throws IdiomError MODEL_INVALID when the models folder cannot be read, CONFIG_INVALID when there is no such language.
 */
export async function workerSide(
  config: Config,
  languages: readonly string[] | null,
  { lane, metrics, log, join: joinRedis }: WorkerParts,
): Promise<WorkerSide> {
  keepCallsInYoungHeap();
  const all = readRuntimes(join(PACKAGE_ROOT, "runtimes"));
  const runtimes = chosen(all, languages);
  const strays = endStrays();
  if (strays > 0) log.warn(`ended ${strays} processes that a server which was killed had left behind`);
  const launcher = await openSandbox(config.sandbox, config);
  announceSandbox(launcher, log);
  const watch = new FolderWatch(
    config.models,
    all.map((runtime) => ({ language: runtime.language, entryFiles: runtime.entry_files })),
  );
  // A language that there is not at all is the node's to refuse, in words for the model's author.
  const isForeign = ({ manifest }: ModelVersion): boolean =>
    all.some(({ language }) => language === manifest.runtime && !runtimes.some((own) => own.language === language));
  const found = await watch.look(false);
  const registry = new Registry(scannedModels(found));
  const redis = await joinRedis(registry);
  const node = new WorkerNode(
    {
      runtimes,
      data: config.data,
      launcher,
      allowance: config.limits,
      limits: {
        maxQueuedRequests: config.queue.maxRequests,
        maxQueuedBytes: config.queue.maxBytes,
        growAfterMs: config.instances.growAfterMs,
        idleAfterMs: config.instances.idleAfterMs,
        batchFloor: config.batch.floor,
      },
      capacity: { maxInstances: config.instances.max ?? null, maxMemoryBytes: config.instances.memory ?? null },
      parallelLoads: availableParallelism() + 2,
    },
    {
      lane,
      metrics,
      log,
      statusChanged: (version, status) => {
        registry.setStatus(version, status);
        reload.statusChanged(version, status);
      },
      feed: redis === null ? null : (consumer, batch) => redis.feed(consumer, batch),
    },
  );
  const reload = new ModelReload(watch, found, registry, node, log, { intervalMs: config.reloadIntervalMs, drainTimeoutMs: config.drainTimeoutMs, isForeign });
  return {
    local: { registry, node, reload, runtimes, isForeign, data: config.data, sandbox: launcher },
    redis,
    start() {
      redis?.start();
      for (const version of registry.versions().filter(isForeign)) registry.setStatus(version, foreignStatus(version));
      node.serve(registry.versions().filter((version) => !isForeign(version)));
      reload.start();
    },
    drain(last = () => false) {
      reload.stop();
      registry.drain();
      return node.drain(config.drainTimeoutMs, last);
    },
  };
}

function chosen(all: readonly RuntimeDefinition[], languages: readonly string[] | null): readonly RuntimeDefinition[] {
  const known = all.map((runtime) => runtime.language);
  const unknown = languages?.find((language) => !known.includes(language));
  if (unknown !== undefined) throw new IdiomError("CONFIG_INVALID", `there is no runtime '${unknown}'; there are: ${known.join(", ")}`);
  return languages === null ? all : all.filter((runtime) => languages.includes(runtime.language));
}
