// The HTTP port: /healthz for probes and /metrics for Prometheus.
import type { AddressInfo } from "node:net";
import fastify from "fastify";
import type { Registry, RegistryEntry } from "../registry/registry.ts";
import type { Metrics } from "../telemetry/metrics.ts";
import { listenError } from "./listen-error.ts";

export interface HttpFrontDoor {
  readonly port: number;
  close(): Promise<void>;
}

/** Opens the port; 0 is any free one. `redis` says how it is, for the health report. @throws IdiomError CANNOT_LISTEN when it is taken, with the way out. */
export async function openHttpFrontDoor(host: string, port: number, registry: Registry, metrics: Metrics, redis: () => object): Promise<HttpFrontDoor> {
  const server = fastify();
  server.get("/healthz", (_request, reply) => {
    const { accepting, obstacle } = registry;
    const reason = obstacle === null ? {} : { reason: obstacle };
    return reply.code(accepting ? 200 : 503).send({ status: healthOf(registry), ...reason, redis: redis(), models: registry.entries().map(modelHealth) });
  });
  server.get("/metrics", async (_request, reply) => reply.header("content-type", metrics.contentType).send(await metrics.render()));
  try {
    await server.listen({ host, port });
  } catch (error) {
    throw listenError("HTTP", host, port, "IDIOM_HTTP_PORT", (error as NodeJS.ErrnoException).code ?? (error as Error).message);
  }
  const [address] = server.addresses();
  return { port: (address as AddressInfo).port, close: () => server.close() };
}

function healthOf({ accepting, draining, settled }: Registry): string {
  if (accepting) return "ok";
  if (draining) return "draining";
  return settled ? "unavailable" : "starting";
}

function modelHealth({ name, versionNumber, status }: RegistryEntry): object {
  return { name, version: versionNumber, state: status.state, ...("reason" in status ? { reason: status.reason } : {}) };
}
