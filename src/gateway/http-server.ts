// The HTTP port: /healthz for probes and /metrics for Prometheus.
import type { AddressInfo } from "node:net";
import type { SecureContextOptions } from "node:tls";
import fastify, { type FastifyInstance, type FastifyReply, type FastifyRequest } from "fastify";
import { ERRORS, IdiomError } from "../core/errors.ts";
import type { HealthReport } from "../core/health.ts";
import type { Door, Lock } from "./door.ts";
import type { Caller } from "./key-ring.ts";
import { listenError } from "./listen-error.ts";
import type { Certificate, TlsFiles } from "./tls-files.ts";

export interface HttpFrontDoor {
  readonly port: number;
  close(): Promise<void>;
}

/** What the port shows, of one process or of several. */
export interface HttpPages {
  health(): HealthReport | Promise<HealthReport>;
  /** In the Prometheus text format. */
  metrics(): Promise<string>;
  readonly metricsContentType: string;
}

/** Opens the port; 0 is any free one. @throws IdiomError CANNOT_LISTEN when it is taken, with the way out. */
export async function openHttpFrontDoor(host: string, port: number, door: Door, pages: HttpPages): Promise<HttpFrontDoor> {
  const server = door.tls === null ? fastify() : encrypted(door.tls);
  server.get("/healthz", async (request, reply) => {
    // A probe needs no key, and learns no more than it needs; nor does a key for some models alone.
    const isProbe = door.lock !== null && request.headers.authorization === undefined;
    const caller = isProbe ? null : await admit(door.lock, request, reply);
    if (caller === REFUSED) return reply;
    const health = await pages.health();
    return reply.code(health.status === "ok" ? 200 : 503).send(isProbe || caller?.isLimited ? { status: health.status } : health);
  });
  server.get("/metrics", async (request, reply) => {
    const caller = await admit(door.lock, request, reply);
    if (caller === REFUSED) return reply;
    if (caller?.isLimited)
      return reply.code(ERRORS.PERMISSION_DENIED.http).send({ error: "this API key is for some models, and these are the metrics of all" });
    return reply.header("content-type", pages.metricsContentType).send(await pages.metrics());
  });
  try {
    await server.listen({ host, port });
  } catch (error) {
    throw listenError("HTTP", host, port, "IDIOM_HTTP_PORT", (error as NodeJS.ErrnoException).code ?? (error as Error).message);
  }
  const [address] = server.addresses();
  return { port: (address as AddressInfo).port, close: () => server.close() };
}

/** Probes have no certificate, so this port asks for none; what is worth keeping asks for a key. */
function encrypted(tls: TlsFiles): FastifyInstance {
  const context = ({ cert, key }: Certificate): SecureContextOptions => ({ cert, key });
  const server = fastify({ https: context(tls.current) });
  tls.onChange((certificate) => server.server.setSecureContext(context(certificate)));
  // Its type tells the kind of the server below, which no route sees.
  return server as unknown as FastifyInstance;
}

const REFUSED = Symbol("refused");

/** Who sends the request; null where no key is needed. Without a good one it is answered, later. */
async function admit(lock: Lock | null, request: FastifyRequest, reply: FastifyReply): Promise<Caller | null | typeof REFUSED> {
  try {
    return lock?.identify(request.headers.authorization) ?? null;
  } catch (thrown) {
    const { code, message } = IdiomError.from(thrown);
    await new Promise<void>((wait) => lock?.failures.add(request.ip, message, wait));
    reply.code(ERRORS[code].http).header("www-authenticate", "Bearer").send({ error: message });
    return REFUSED;
  }
}
