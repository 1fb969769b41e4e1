// The role `gateway`: the front doors without models; everything goes to the workers through Redis.
import type { Config } from "../config/config.ts";
import { openDoor } from "../gateway/door.ts";
import { REFUSING, RealtimeLane } from "../lanes/realtime/lane.ts";
import type { RemoteQueue } from "../lanes/realtime/remote-queue.ts";
import type { Registry } from "../registry/registry.ts";
import { LogRing } from "../telemetry/log-ring.ts";
import { createLogger } from "../telemetry/logger.ts";
import { Metrics } from "../telemetry/metrics.ts";
import { type Batch, openBatch, openJobFiles } from "./batch.ts";
import { ClusterAdmin } from "./cluster-admin.ts";
import { ClusterRegistry } from "./cluster-registry.ts";
import { openFrontDoors, pagesOf } from "./front-doors.ts";
import { LocalAdmin } from "./local-admin.ts";
import { Peers } from "./peers.ts";
import { RealtimeRedis } from "./realtime-redis.ts";
import { followRedis, RedisWatch } from "./redis-health.ts";
import { jobsRedis, sharedRedis } from "./redis-server.ts";

export interface Gateway {
  readonly grpcPort: number;
  readonly httpPort: number;
  readonly registry: Registry;
  /** Answers what runs, then ends everything. */
  stop(): Promise<void>;
}

/** @throws IdiomError CONFIG_INVALID without a Redis, CANNOT_LISTEN */
export async function gateway(config: Config): Promise<Gateway> {
  const server = sharedRedis(config, "gateway");
  const logs = new LogRing(config.nodeName);
  const log = createLogger(config.logLevel, logs);
  const door = openDoor(config, log);
  const metrics = new Metrics();
  const files = openJobFiles(config);
  const lane = new RealtimeLane();
  const redis: RealtimeRedis = new RealtimeRedis({ server, gateway: true, node: false, queue: config.queue }, log, {
    report: () => admin.report(),
    waiting: () => 0,
    directory: () => [],
    seen: (members) => {
      peers.seen(members);
      return registry.see(members);
    },
  });
  const registry = new ClusterRegistry(null, redis, log);
  const queue = redis.queue as RemoteQueue;
  lane.useRemote(queue, (version) => registry.whyNotRemote(version));
  const watch = new RedisWatch({ realtime: server, jobs: jobsRedis(config) }, null, metrics, log);
  followRedis(registry, watch, queue);
  const admin = new LocalAdmin({
    id: redis.id,
    name: config.nodeName,
    role: "gateway",
    registry,
    metrics,
    logs,
    worker: null,
    problems: () => watch.problems.filter((problem) => problem !== registry.obstacle),
    drain: () => {
      registry.drain();
      lane.useRemote(REFUSING);
      return queue.whenAnswered(config.drainTimeoutMs);
    },
  });
  const peers = new Peers(admin, redis, log);
  const leaveRedis = async (): Promise<void> => {
    await peers.stop();
    await redis.stop();
    watch.stop();
  };
  const durable = jobsRedis(config);
  const batch: Batch | null = durable === null ? null : openBatch(config, durable, files, { registry, lane, log });
  const { grpc, http } = await openFrontDoors(
    config,
    door,
    registry,
    lane,
    metrics,
    new ClusterAdmin(admin, registry, peers),
    batch?.jobs ?? null,
    pagesOf(registry, metrics, watch, null),
  ).catch(async (error: unknown) => {
    await batch?.stop();
    await leaveRedis();
    throw error;
  });
  redis.start();
  batch?.jobs.start();
  return {
    grpcPort: grpc.port,
    httpPort: http?.port ?? 0,
    registry,
    async stop() {
      const jobsLeft = batch?.stop();
      const drained = admin.drain();
      const calls = grpc.close(drained);
      await drained;
      logs.end();
      await Promise.all([calls, jobsLeft]);
      await leaveRedis();
      await http?.close();
      door.close();
    },
  };
}
