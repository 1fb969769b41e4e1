// The role `up`: gateway and worker in one process.
import type { WorkerNode } from "../../workers/node.ts";
import type { Config } from "../config/config.ts";
import type { ModelVersion } from "../core/model.ts";
import { openDoor } from "../gateway/door.ts";
import { REFUSING, RealtimeLane, type RemoteLane } from "../lanes/realtime/lane.ts";
import { takesWork } from "../lanes/realtime/node-report.ts";
import type { Registry } from "../registry/registry.ts";
import { LogRing } from "../telemetry/log-ring.ts";
import { createLogger } from "../telemetry/logger.ts";
import { Metrics } from "../telemetry/metrics.ts";
import { ClusterAdmin } from "./cluster-admin.ts";
import { openFrontDoors } from "./front-doors.ts";
import { checkGolden, type GoldenReport } from "./golden-check.ts";
import { LocalAdmin } from "./local-admin.ts";
import { Peers } from "./peers.ts";
import { RealtimeRedis } from "./realtime-redis.ts";
import { RedisWatch } from "./redis-health.ts";
import { openRedis } from "./redis-server.ts";
import { workerSide } from "./worker-side.ts";

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
 * @throws IdiomError CANNOT_LISTEN when a port is taken, MODEL_INVALID when the models folder cannot be read, CONFIG_INVALID when
 * another process has the state folder.
 */
export async function up(config: Config): Promise<Up> {
  const logs = new LogRing(config.nodeName);
  const log = createLogger(config.logLevel, logs);
  const door = openDoor(config, log);
  const metrics = new Metrics();
  const lane = new RealtimeLane(config.lanes.realtime.direct);
  // They start while the models folder is read.
  const opening = openRedis(config, { realtime: !config.lanes.realtime.direct }, log);
  const endRedis = async (): Promise<void> => (await opening.catch(() => null))?.stop();
  opening.catch(() => {}); // The worker's side throws it, once it gets there.
  /** No other node could take what this one does not. */
  let alone = true;
  const worker = await workerSide(config, null, {
    lane,
    metrics,
    log,
    join: async () => {
      const { realtime } = await opening;
      if (realtime === null) return null;
      const redis: RealtimeRedis = new RealtimeRedis({ server: realtime, gateway: true, node: true, queue: config.queue }, log, {
        report: () => admin.report(),
        waiting: () => admin.waiting(),
        directory: () => admin.directory(),
        seen: (members) => {
          peers?.seen(members);
          alone = !members.some((member) => takesWork(member) && member.id !== redis.id);
        },
      });
      return redis;
    },
  }).catch(async (error: unknown) => {
    await endRedis();
    throw error;
  });
  const servers = await opening;
  const watch = new RedisWatch({ realtime: servers.realtime, jobs: servers.durable }, servers.problem, metrics, log);
  const { registry, local, redis } = worker;
  if (redis?.queue)
    lane.useRemote(
      openWhile(redis.queue, () => !(alone && registry.draining)),
      () => watch.realtimeProblem,
    );
  const admin = new LocalAdmin({
    id: redis?.id ?? config.nodeName,
    name: config.nodeName,
    role: "up",
    registry,
    metrics,
    logs,
    worker: local,
    problems: () => watch.problems,
    drain: () => worker.drain(alone),
  });
  const peers = redis === null ? null : new Peers(admin, redis, log);
  const leaveRedis = async (): Promise<void> => {
    await peers?.stop();
    await redis?.stop();
    watch.stop();
    await endRedis();
  };
  const { grpc, http } = await openFrontDoors(config, door, registry, lane, metrics, new ClusterAdmin(admin, registry, peers), watch).catch(
    async (error: unknown) => {
      await leaveRedis();
      throw error;
    },
  );
  const settled = registry.whenSettled();
  if (redis !== null) void settled.then(() => admin.probe());
  worker.start();

  return {
    grpcPort: grpc.port,
    httpPort: http.port,
    registry,
    node: local.node,
    settled: () => settled,
    checkGolden: async (version) => {
      const { status } = registry.find(version.name, version.version);
      if (status.state !== "ready") return { result: "none" };
      if (status.slots === 0) return { result: "dormant" };
      return checkGolden(version, status.signature, lane);
    },
    async stop() {
      if (redis !== null) lane.useRemote(REFUSING);
      const drained = Promise.all([admin.drain(), redis?.queue?.whenIdle(config.drainTimeoutMs)]).then(() => {});
      const calls = grpc.close(drained);
      await drained;
      // Whoever follows the log has heard the end of it; a call that never ends would hold up the stop.
      logs.end();
      await calls;
      await leaveRedis();
      await http.close();
      door.close();
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
