// The ports of a process that takes calls: gRPC and HTTP, both or none.
import type { Config } from "../config/config.ts";
import type { AdminBackend } from "../core/admin.ts";
import type { Door } from "../gateway/door.ts";
import { type GrpcFrontDoor, openGrpcFrontDoor } from "../gateway/grpc-server.ts";
import { type HttpFrontDoor, openHttpFrontDoor } from "../gateway/http-server.ts";
import type { RealtimeLane } from "../lanes/realtime/lane.ts";
import type { Registry } from "../registry/registry.ts";
import type { Metrics } from "../telemetry/metrics.ts";
import type { RedisWatch } from "./redis-health.ts";

export interface FrontDoors {
  readonly grpc: GrpcFrontDoor;
  readonly http: HttpFrontDoor;
}

/** @throws IdiomError CANNOT_LISTEN */
export async function openFrontDoors(
  config: Config,
  door: Door,
  registry: Registry,
  lane: RealtimeLane,
  metrics: Metrics,
  admin: AdminBackend,
  redis: RedisWatch,
): Promise<FrontDoors> {
  const { host, grpcPort: port, maxMessageBytes } = config;
  const grpc = await openGrpcFrontDoor({ host, port, maxMessageBytes }, door, registry, lane, metrics, admin);
  const http = await openHttpFrontDoor(host, config.httpPort, door, registry, metrics, () => redis.report).catch(async (error: unknown) => {
    await grpc.close(Promise.resolve());
    throw error;
  });
  return { grpc, http };
}
