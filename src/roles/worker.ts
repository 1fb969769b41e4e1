// The role `worker`: pools without a gRPC front door; work comes from Redis.
import type { Config } from "../config/config.ts";
import { openDoor } from "../gateway/door.ts";
import { openHttpFrontDoor } from "../gateway/http-server.ts";
import { RealtimeLane } from "../lanes/realtime/lane.ts";
import type { Registry } from "../registry/registry.ts";
import { LogRing } from "../telemetry/log-ring.ts";
import { createLogger } from "../telemetry/logger.ts";
import { Metrics } from "../telemetry/metrics.ts";
import { pagesOf } from "./front-doors.ts";
import { LocalAdmin } from "./local-admin.ts";
import { Peers } from "./peers.ts";
import { RealtimeRedis } from "./realtime-redis.ts";
import { RedisWatch } from "./redis-health.ts";
import { jobsRedis, sharedRedis } from "./redis-server.ts";
import { workerSide } from "./worker-side.ts";

export interface Worker {
  readonly httpPort: number;
  readonly registry: Registry;
  /** Resolves when every version is ready or has failed. */
  settled(): Promise<void>;
  /** Answers what it has, then ends everything. */
  stop(): Promise<void>;
}

/**
 * Serves the models of the folder that are written in `languages`; null: in all that there are.
 * @throws IdiomError CONFIG_INVALID without a Redis, CANNOT_LISTEN, MODEL_INVALID, SANDBOX_UNAVAILABLE
 */
export async function worker(config: Config, languages: readonly string[] | null): Promise<Worker> {
  const server = sharedRedis(config, "worker");
  const logs = new LogRing(config.nodeName);
  const log = createLogger(config.logLevel, logs);
  const door = openDoor(config, log);
  const metrics = new Metrics();
  const redis: RealtimeRedis = new RealtimeRedis({ server, gateway: false, node: true, queue: config.queue }, log, {
    report: () => admin.report(),
    waiting: () => admin.waiting(),
    directory: () => admin.directory(),
    seen: (members) => peers.seen(members),
  });
  const side = await workerSide(config, languages, { lane: new RealtimeLane(), metrics, log, join: () => redis }).catch(async (error: unknown) => {
    await redis.stop();
    throw error;
  });
  const { local } = side;
  const { registry } = local;
  const admin = new LocalAdmin({
    id: redis.id,
    name: config.nodeName,
    role: "worker",
    registry,
    metrics,
    logs,
    worker: local,
    problems: () => watch.problems,
    drain: () => side.drain(),
  });
  const peers = new Peers(admin, redis, log);
  const watch = new RedisWatch({ realtime: server, jobs: jobsRedis(config) }, null, metrics, log);
  const http = await openHttpFrontDoor(config.host, config.httpPort, door, pagesOf(registry, metrics, watch, local.sandbox));
  const settled = registry.whenSettled();
  void settled.then(() => admin.probe());
  side.start();
  return {
    httpPort: http.port,
    registry,
    settled: () => settled,
    async stop() {
      await admin.drain();
      await peers.stop();
      await redis.stop();
      watch.stop();
      await http.close();
      door.close();
    },
  };
}
