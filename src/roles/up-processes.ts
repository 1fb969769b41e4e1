// The role `up` in several processes on one gRPC port. This one runs no model: it starts Redis and the others, and has the HTTP port.
import type { Config } from "../config/config.ts";
import { openDoor } from "../gateway/door.ts";
import { openHttpFrontDoor } from "../gateway/http-server.ts";
import { LogRing } from "../telemetry/log-ring.ts";
import { createLogger } from "../telemetry/logger.ts";
import { METRICS_CONTENT_TYPE } from "../telemetry/metrics.ts";
import { ProcessGroup } from "./process-group.ts";
import { openRedis } from "./redis-server.ts";
import type { Serving } from "./up.ts";

/**
 * Starts `config.processes` processes.
 * @throws IdiomError as `up` does, and MODEL_NOT_READY when no Redis is named and none is installed.
 */
export async function upProcesses(config: Config): Promise<Serving> {
  const log = createLogger(config.logLevel, new LogRing(config.nodeName));
  const door = openDoor(config, log);
  const servers = await openRedis(config, { realtime: true }, log).catch((error: unknown) => {
    door.close();
    throw error;
  });
  const group = new ProcessGroup({ ...config, ...urlsOf(servers) }, log);
  try {
    const grpcPort = await group.start();
    const http = await openHttpFrontDoor(config.host, config.httpPort, door, {
      health: () => group.health(),
      metrics: () => group.metrics(),
      metricsContentType: METRICS_CONTENT_TYPE,
    });
    return {
      grpcPort,
      httpPort: http.port,
      settled: () => group.settled(),
      summary: () => group.summary(),
      async stop() {
        await group.stop();
        await servers.stop();
        await http.close();
        door.close();
      },
    };
  } catch (error) {
    await group.stop();
    await servers.stop();
    door.close();
    throw error;
  }
}

/** The servers are started once, by this process. */
function urlsOf({ realtime, durable }: Awaited<ReturnType<typeof openRedis>>): Partial<Config> {
  return { ...(realtime === null ? {} : { realtimeRedisUrl: realtime.url }), ...(durable === null ? {} : { redisUrl: durable.url }) };
}
