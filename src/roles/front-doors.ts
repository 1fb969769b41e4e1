// The ports of a process that takes calls: gRPC and HTTP, both or none.
import type { Launcher } from "../../workers/sandbox/launcher.ts";
import type { Config } from "../config/config.ts";
import type { AdminBackend } from "../core/admin.ts";
import type { HealthReport } from "../core/health.ts";
import type { JobsBackend } from "../core/job.ts";
import type { Door } from "../gateway/door.ts";
import { type GrpcFrontDoor, openGrpcFrontDoor } from "../gateway/grpc-server.ts";
import { type HttpFrontDoor, type HttpPages, openHttpFrontDoor } from "../gateway/http-server.ts";
import type { RealtimeLane } from "../lanes/realtime/lane.ts";
import { keepCallsInYoungHeap } from "../process/heaps.ts";
import type { Registry } from "../registry/registry.ts";
import { METRICS_CONTENT_TYPE, type Metrics } from "../telemetry/metrics.ts";
import { sandboxOf } from "./local-admin.ts";
import type { RedisWatch } from "./redis-health.ts";

export interface FrontDoors {
  readonly grpc: GrpcFrontDoor;
  /** Null where another process has the HTTP port. */
  readonly http: HttpFrontDoor | null;
}

/** What one process says of itself. `sandbox` null: no models run in it. */
export function healthOf(registry: Registry, redis: RedisWatch, sandbox: Launcher | null): HealthReport {
  const { models, ...health } = registry.health();
  return { ...health, redis: redis.report, ...(sandbox === null ? {} : { sandbox: sandboxOf(sandbox) }), models };
}

/** What the HTTP port of a process that stands alone shows. */
export function pagesOf(registry: Registry, metrics: Metrics, redis: RedisWatch, sandbox: Launcher | null): HttpPages {
  return { health: () => healthOf(registry, redis, sandbox), metrics: () => metrics.render(), metricsContentType: METRICS_CONTENT_TYPE };
}

/** `jobs` null: this process takes none. `pages` null: it has no HTTP port. @throws IdiomError CANNOT_LISTEN */
export async function openFrontDoors(
  config: Config,
  door: Door,
  registry: Registry,
  lane: RealtimeLane,
  metrics: Metrics,
  admin: AdminBackend,
  jobs: JobsBackend | null,
  pages: HttpPages | null,
): Promise<FrontDoors> {
  keepCallsInYoungHeap();
  const { host, grpcPort: port, maxMessageBytes } = config;
  const grpc = await openGrpcFrontDoor({ host, port, maxMessageBytes }, door, registry, lane, metrics, admin, jobs);
  if (pages === null) return { grpc, http: null };
  const http = await openHttpFrontDoor(host, config.httpPort, door, pages).catch(async (error: unknown) => {
    await grpc.close(Promise.resolve());
    throw error;
  });
  return { grpc, http };
}
