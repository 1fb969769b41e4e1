// The role `gateway`: the front doors without models; everything goes to the workers through Redis.
import type { Config } from "../config/config.ts";
import { RealtimeLane } from "../lanes/realtime/lane.ts";
import { Registry } from "../registry/registry.ts";
import { LogRing } from "../telemetry/log-ring.ts";
import { createLogger } from "../telemetry/logger.ts";
import { Metrics } from "../telemetry/metrics.ts";
import { ClusterRegistry } from "./cluster-registry.ts";
import { openFrontDoors } from "./front-doors.ts";
import { LocalAdmin } from "./local-admin.ts";
import { RealtimeRedis } from "./realtime-redis.ts";
import { sharedRedis } from "./redis-server.ts";

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
  const metrics = new Metrics();
  const registry = new Registry({ versions: [], broken: [] });
  const lane = new RealtimeLane();
  const redis: RealtimeRedis = new RealtimeRedis({ server, gateway: true, node: false, queue: config.queue }, log, {
    report: () => admin.report(),
    waiting: () => 0,
    directory: () => [],
    seen: (members) => cluster.see(members),
  });
  const cluster = new ClusterRegistry(registry, (wanted) => redis.lookUp(wanted), log);
  if (redis.queue !== null) lane.useRemote(redis.queue);
  const { grpc, http } = await openFrontDoors(config, registry, lane, metrics, null).catch(async (error: unknown) => {
    await redis.stop();
    throw error;
  });
  const drain = async (): Promise<void> => {
    registry.drain();
    grpc.announceStop();
  };
  const admin = new LocalAdmin({ id: redis.id, name: config.nodeName, role: "gateway", registry, metrics, logs, worker: null, problems: () => [], drain });
  redis.start();
  return {
    grpcPort: grpc.port,
    httpPort: http.port,
    registry,
    async stop() {
      await admin.drain();
      await grpc.close(Promise.resolve());
      await redis.stop();
      await http.close();
    },
  };
}
