// The role `worker`: pools without a gRPC front door; work comes from Redis.
import { hostname } from "node:os";
import type { Config } from "../config/config.ts";
import { openHttpFrontDoor } from "../gateway/http-server.ts";
import { RealtimeLane } from "../lanes/realtime/lane.ts";
import type { Registry } from "../registry/registry.ts";
import { LogRing } from "../telemetry/log-ring.ts";
import { createLogger } from "../telemetry/logger.ts";
import { Metrics } from "../telemetry/metrics.ts";
import { RealtimeRedis, reportOf } from "./realtime-redis.ts";
import { sharedRedisUrl } from "./redis-server.ts";
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
 * @throws IdiomError CONFIG_INVALID without a Redis, CANNOT_LISTEN, MODEL_INVALID
 */
export async function worker(config: Config, languages: readonly string[] | null): Promise<Worker> {
  const url = sharedRedisUrl(config, "worker");
  const log = createLogger(config.logLevel, new LogRing(hostname()));
  const metrics = new Metrics();
  const side = await workerSide(config, languages, {
    lane: new RealtimeLane(),
    metrics,
    log,
    join: (registry, runtimes) =>
      new RealtimeRedis({ url, gateway: false, queue: config.queue }, log, { report: () => reportOf(registry, runtimes), nodesSeen: () => {} }),
  });
  const http = await openHttpFrontDoor(config.host, config.httpPort, side.registry, metrics);
  const settled = side.registry.whenSettled();
  side.start();
  return {
    httpPort: http.port,
    registry: side.registry,
    settled: () => settled,
    async stop() {
      await side.drain();
      await side.redis?.stop();
      await http.close();
    },
  };
}
