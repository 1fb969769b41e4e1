// The HTTP port: /healthz for probes and /metrics for Prometheus.
import type { AddressInfo } from "node:net";
import type { SecureContextOptions } from "node:tls";
import fastify, { type FastifyInstance, type FastifyReply, type FastifyRequest } from "fastify";
import { ERRORS, IdiomError } from "../core/errors.ts";
import type { Registry, RegistryEntry } from "../registry/registry.ts";
import type { Metrics } from "../telemetry/metrics.ts";
import type { Door, Lock } from "./door.ts";
import { listenError } from "./listen-error.ts";
import type { Certificate, TlsFiles } from "./tls-files.ts";

export interface HttpFrontDoor {
  readonly port: number;
  close(): Promise<void>;
}

/** Opens the port; 0 is any free one. `redis` says how it is, for the health report. @throws IdiomError CANNOT_LISTEN when it is taken, with the way out. */
export async function openHttpFrontDoor(
  host: string,
  port: number,
  door: Door,
  registry: Registry,
  metrics: Metrics,
  redis: () => object,
): Promise<HttpFrontDoor> {
  const server = door.tls === null ? fastify() : encrypted(door.tls);
  server.get("/healthz", (request, reply) => {
    const { accepting, obstacle } = registry;
    const reason = obstacle === null ? {} : { reason: obstacle };
    // A probe needs no key, and learns no more than it needs.
    const details = isKnown(door.lock, request) ? { ...reason, redis: redis(), models: registry.entries().map(modelHealth) } : {};
    return reply.code(accepting ? 200 : 503).send({ status: healthOf(registry), ...details });
  });
  server.get("/metrics", async (request, reply) => {
    if (door.lock !== null && !(await admit(door.lock, request, reply))) return reply;
    return reply.header("content-type", metrics.contentType).send(await metrics.render());
  });
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

/** Probes have no certificate, so this port asks for none; what is worth keeping asks for a key. */
function encrypted(tls: TlsFiles): FastifyInstance {
  const context = ({ cert, key }: Certificate): SecureContextOptions => ({ cert, key });
  const server = fastify({ https: context(tls.current) });
  tls.onChange((certificate) => server.server.setSecureContext(context(certificate)));
  // Its type tells the kind of the server below, which no route sees.
  return server as unknown as FastifyInstance;
}

function isKnown(lock: Lock | null, request: FastifyRequest): boolean {
  try {
    lock?.identify(request.headers.authorization);
    return true;
  } catch {
    return false;
  }
}

/** Whether the request has a good key; otherwise it is answered, later. */
async function admit(lock: Lock, request: FastifyRequest, reply: FastifyReply): Promise<boolean> {
  try {
    lock.identify(request.headers.authorization);
    return true;
  } catch (thrown) {
    const { code, message } = IdiomError.from(thrown);
    await new Promise<void>((wait) => lock.failures.add(request.ip, message, wait));
    reply.code(ERRORS[code].http).header("www-authenticate", "Bearer").send({ error: message });
    return false;
  }
}

function modelHealth({ name, versionNumber, status }: RegistryEntry): object {
  return { name, version: versionNumber, state: status.state, ...("reason" in status ? { reason: status.reason } : {}) };
}
