// The role `up`: gateway and worker in one process.
import type { WorkerNode } from "../../workers/node.ts";
import type { Config } from "../config/config.ts";
import type { HealthReport } from "../core/health.ts";
import { openDoor } from "../gateway/door.ts";
import { REFUSING, RealtimeLane } from "../lanes/realtime/lane.ts";
import type { Registry } from "../registry/registry.ts";
import { LogRing } from "../telemetry/log-ring.ts";
import { createLogger } from "../telemetry/logger.ts";
import { Metrics } from "../telemetry/metrics.ts";
import { type Batch, openBatch, openJobFiles } from "./batch.ts";
import { ClusterAdmin } from "./cluster-admin.ts";
import { ClusterRegistry } from "./cluster-registry.ts";
import { healthOf, openFrontDoors, pagesOf } from "./front-doors.ts";
import { LocalAdmin } from "./local-admin.ts";
import { Peers } from "./peers.ts";
import { RealtimeRedis } from "./realtime-redis.ts";
import { followRedis, RedisWatch } from "./redis-health.ts";
import { openRedis } from "./redis-server.ts";
import { summaryOf, type VersionSummary } from "./summary.ts";
import { workerSide } from "./worker-side.ts";

/** What `idiom up` has started, in one process or in several. */
export interface Serving {
  readonly grpcPort: number;
  readonly httpPort: number;
  /** Resolves when every version is ready or has failed. */
  settled(): Promise<void>;
  /** Each version, with its golden answers checked. */
  summary(): Promise<VersionSummary[]>;
  /** Answers what runs, then ends everything. */
  stop(): Promise<void>;
}

export interface Up extends Serving {
  /** Of its own models. */
  readonly registry: Registry;
  readonly node: WorkerNode;
  readonly metrics: Metrics;
  health(): HealthReport;
  /** `passOn`: what still comes goes to siblings through Redis, until its connection is closed. */
  stop(passOn?: boolean): Promise<void>;
}

export interface UpOptions {
  /** Whether this process has an HTTP port; without one, `httpPort` is 0. */
  readonly http: boolean;
  /** Whether it opens the gRPC port once every model has settled instead of before: siblings take the calls until then. */
  readonly late: boolean;
}

/**
 * Opens the ports, then loads the models behind them.
 * @throws IdiomError CANNOT_LISTEN when a port is taken, MODEL_INVALID when the models folder cannot be read, CONFIG_INVALID when
 * another process has the state folder.
 */
export async function up(config: Config, { http, late }: UpOptions = { http: true, late: false }): Promise<Up> {
  const logs = new LogRing(config.nodeName);
  const log = createLogger(config.logLevel, logs);
  const door = openDoor(config, log);
  const metrics = new Metrics();
  const files = openJobFiles(config);
  const lane = new RealtimeLane(config.lanes.realtime.direct);
  // They start while the models folder is read.
  const opening = openRedis(config, { realtime: !config.lanes.realtime.direct }, log);
  const endRedis = async (): Promise<void> => (await opening.catch(() => null))?.stop();
  opening.catch(() => {}); // The worker's side throws it, once it gets there.
  const worker = await workerSide(config, null, {
    lane,
    metrics,
    log,
    join: async (): Promise<RealtimeRedis | null> => {
      const { realtime } = await opening;
      if (realtime === null) return null;
      return new RealtimeRedis({ server: realtime, gateway: true, node: true, queue: config.queue }, log, {
        report: () => admin.report(),
        waiting: () => admin.waiting(),
        directory: () => admin.directory(),
        seen: (members) => {
          peers?.seen(members);
          return cluster?.see(members);
        },
      });
    },
  }).catch(async (error: unknown) => {
    await endRedis();
    throw error;
  });
  const servers = await opening;
  const watch = new RedisWatch({ realtime: servers.realtime, jobs: servers.durable }, servers.problem, metrics, log);
  const { local, redis } = worker;
  /** Null where this process can reach no other: then its own models are all that there are. */
  const cluster = redis === null ? null : new ClusterRegistry(local.registry, redis, log);
  const registry = cluster ?? local.registry;
  if (redis?.queue && cluster !== null) {
    lane.useRemote(redis.queue, (version) => cluster.whyNotRemote(version));
    followRedis(cluster, watch, redis.queue);
  }
  const admin = new LocalAdmin({
    id: redis?.id ?? config.nodeName,
    name: config.nodeName,
    role: "up",
    registry,
    metrics,
    logs,
    worker: local,
    problems: () => watch.problems,
    drain: () => worker.drain((version) => cluster?.isOursAlone(version) === true),
  });
  const peers = redis === null ? null : new Peers(admin, redis, log);
  const leaveRedis = async (): Promise<void> => {
    await peers?.stop();
    await redis?.stop();
    watch.stop();
    await endRedis();
  };
  const settled = local.registry.whenSettled();
  if (redis !== null) void settled.then(() => admin.probe());
  if (late) {
    worker.start();
    await settled;
  }
  const clusterAdmin = new ClusterAdmin(admin, registry, peers);
  const batch: Batch | null = servers.durable === null ? null : openBatch(config, servers.durable, files, { registry, lane, log });
  const pages = http ? pagesOf(registry, metrics, watch, local.sandbox) : null;
  const doors = await openFrontDoors(config, door, registry, lane, metrics, clusterAdmin, batch?.jobs ?? null, pages).catch(async (error: unknown) => {
    await batch?.stop();
    if (late) await worker.drain();
    await leaveRedis();
    throw error;
  });
  if (!late) worker.start();
  batch?.jobs.start();
  /** What our own callers have in Redis may be ours to take: the node goes after that. */
  const drainLast = async (): Promise<void> => {
    await redis?.queue?.whenAnswered(config.drainTimeoutMs);
    await admin.drain();
  };

  return {
    grpcPort: doors.grpc.port,
    httpPort: doors.http?.port ?? 0,
    registry: local.registry,
    node: local.node,
    metrics,
    health: () => healthOf(registry, watch, local.sandbox),
    settled: () => settled,
    summary: () => summaryOf(local.registry, lane),
    async stop(passOn = false) {
      const jobsLeft = batch?.stop();
      local.registry.drain();
      if (redis !== null && !passOn) lane.useRemote(REFUSING);
      const drained = drainLast();
      const calls = doors.grpc.close(drained);
      await drained;
      // Whoever follows the log has heard the end of it; a call that never ends would hold up the stop.
      logs.end();
      await Promise.all([calls, jobsLeft]);
      await leaveRedis();
      await doors.http?.close();
      door.close();
    },
  };
}
