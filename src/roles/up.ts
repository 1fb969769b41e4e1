// The composition root of the role `up`: gateway and worker in one process. The only place that knows both.
import { availableParallelism, hostname } from "node:os";
import { join } from "node:path";
import { WorkerNode } from "../../workers/node.ts";
import { readRuntimes } from "../../workers/runtimes.ts";
import { unconfined } from "../../workers/sandbox/launcher.ts";
import type { Config } from "../config/config.ts";
import type { AdminBackend } from "../core/admin.ts";
import type { ModelVersion } from "../core/model.ts";
import { type GrpcFrontDoor, openGrpcFrontDoor } from "../gateway/grpc-server.ts";
import { type HttpFrontDoor, openHttpFrontDoor } from "../gateway/http-server.ts";
import { RealtimeLane, type RemoteLane } from "../lanes/realtime/lane.ts";
import { PACKAGE_ROOT } from "../package-root.ts";
import { FolderWatch, scannedModels } from "../registry/folder-watch.ts";
import { Registry } from "../registry/registry.ts";
import { LogRing } from "../telemetry/log-ring.ts";
import { createLogger } from "../telemetry/logger.ts";
import { Metrics } from "../telemetry/metrics.ts";
import { checkGolden, type GoldenReport } from "./golden-check.ts";
import { LocalAdmin } from "./local-admin.ts";
import { ModelReload } from "./model-reload.ts";
import { joinRedis, reportOf } from "./realtime-redis.ts";
import { realtimeRedis } from "./redis-server.ts";

export interface Up {
  readonly grpcPort: number;
  readonly httpPort: number;
  readonly registry: Registry;
  readonly node: WorkerNode;
  /** Resolves when every version is ready or has failed. */
  settled(): Promise<void>;
  checkGolden(version: ModelVersion): Promise<GoldenReport>;
  /** Answers what runs, then ends everything. */
  stop(): Promise<void>;
}

/**
 * Opens both ports, then loads the models behind them.
 * @throws IdiomError CANNOT_LISTEN when a port is taken, MODEL_INVALID when the models folder cannot be read.
 */
export async function up(config: Config): Promise<Up> {
  const logs = new LogRing(hostname());
  const log = createLogger(config.logLevel, logs);
  const metrics = new Metrics();
  const lane = new RealtimeLane(config.lanes.realtime.direct);
  const runtimes = readRuntimes(join(PACKAGE_ROOT, "runtimes"));
  const watch = new FolderWatch(
    config.models,
    runtimes.map((runtime) => ({ language: runtime.language, entryFiles: runtime.entry_files })),
  );
  const found = await watch.look(false);
  const registry = new Registry(scannedModels(found));

  const server = await realtimeRedis(config);
  /** No other node could take what this one does not. */
  let alone = true;
  const redis =
    server === null
      ? null
      : joinRedis(server.url, config, log, {
          report: () => ({ ...reportOf(registry, runtimes), draining: registry.draining }),
          nodesSeen: (nodes) => {
            alone = nodes.every((seen) => seen.draining || seen.id === redis?.id);
          },
        });
  if (redis?.queue) lane.useRemote(openWhile(redis.queue, () => !(alone && registry.draining)));
  const node = new WorkerNode(
    {
      runtimes,
      data: config.data,
      launcher: unconfined,
      limits: { maxQueuedRequests: config.queue.maxRequests, maxQueuedBytes: config.queue.maxBytes },
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
      feed: redis === null ? null : (consumer) => redis.feed(consumer),
    },
  );
  const reload = new ModelReload(watch, found, registry, node, log, { intervalMs: config.reloadIntervalMs, drainTimeoutMs: config.drainTimeoutMs });
  const drain = (): Promise<void> => {
    reload.stop();
    registry.drain();
    grpc.announceStop();
    return node.drain(config.drainTimeoutMs);
  };
  const admin = new LocalAdmin({ name: hostname(), registry, node, metrics, reload, logs, runtimes, data: config.data, drain });
  const leaveRedis = async (): Promise<void> => {
    await redis?.stop();
    await server?.stop();
  };
  const { grpc, http } = await openFrontDoors(config, registry, lane, metrics, admin).catch(async (error: unknown) => {
    await leaveRedis();
    throw error;
  });
  const settled = whenSettled(registry);
  redis?.start();
  node.serve(registry.versions());
  reload.start();

  return {
    grpcPort: grpc.port,
    httpPort: http.port,
    registry,
    node,
    settled: () => settled,
    checkGolden: async (version) => {
      const { status } = registry.find(version.name, version.version);
      if (status.state !== "ready") return { result: "none" };
      return checkGolden(version, status.signature, lane);
    },
    async stop() {
      const drained = drain();
      const calls = grpc.close(drained);
      await drained;
      // Whoever follows the log has heard the end of it; a call that never ends would hold up the stop.
      logs.end();
      await calls;
      await leaveRedis();
      await http.close();
    },
  };
}

/** A way through Redis that is closed where nobody would take what waits there: the call is refused instead of held. */
function openWhile(remote: RemoteLane, open: () => boolean): RemoteLane {
  return {
    get available() {
      return remote.available && open();
    },
    submit: (invocation, undelivered) => remote.submit(invocation, undelivered),
  };
}

/** Both, or none. @throws IdiomError CANNOT_LISTEN */
async function openFrontDoors(
  config: Config,
  registry: Registry,
  lane: RealtimeLane,
  metrics: Metrics,
  admin: AdminBackend,
): Promise<{ grpc: GrpcFrontDoor; http: HttpFrontDoor }> {
  const { host, grpcPort: port, maxMessageBytes } = config;
  const grpc = await openGrpcFrontDoor({ host, port, maxMessageBytes }, registry, lane, metrics, admin);
  const http = await openHttpFrontDoor(host, config.httpPort, registry, metrics).catch(async (error: unknown) => {
    await grpc.close(Promise.resolve());
    throw error;
  });
  return { grpc, http };
}

function whenSettled(registry: Registry): Promise<void> {
  if (registry.settled) return Promise.resolve();
  return new Promise((resolve) => {
    registry.onStatus(() => {
      if (registry.settled) resolve();
    });
  });
}
