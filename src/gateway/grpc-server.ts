// The gRPC front door: the inference, admin and jobs services, health and reflection on one port.
import { type Server as GrpcServer, logVerbosity, Server, ServerCredentials, setLogVerbosity } from "@grpc/grpc-js";
import { loadSync } from "@grpc/proto-loader";
import { ReflectionService } from "@grpc/reflection";
import { HealthImplementation, protoPath as healthProtoPath } from "grpc-health-check";
import type { AdminBackend } from "../core/admin.ts";
import type { JobsBackend } from "../core/job.ts";
import type { RealtimeLane } from "../lanes/realtime/lane.ts";
import type { Registry, RegistryEntry } from "../registry/registry.ts";
import type { Metrics } from "../telemetry/metrics.ts";
import { ADMIN_PACKAGE, AdminService } from "./admin-service.ts";
import type { Door } from "./door.ts";
import { INFERENCE_PACKAGE } from "./inference-messages.ts";
import { InferenceService } from "./inference-service.ts";
import { JOBS_PACKAGE, JobsService } from "./jobs-service.ts";
import { listenError } from "./listen-error.ts";
import { callerOf, lockInterceptor } from "./lock-interceptor.ts";

export interface GrpcFrontDoorOptions {
  readonly host: string;
  /** 0: any free one. */
  readonly port: number;
  readonly maxMessageBytes: number;
}

export interface GrpcFrontDoor {
  readonly port: number;
  /** Takes no new call. Once `answered` has resolved, what still runs gets a second to end by itself. */
  close(answered: Promise<void>): Promise<void>;
}

/** Opens the port. @throws IdiomError CANNOT_LISTEN when it is taken, with the way out. */
export async function openGrpcFrontDoor(
  options: GrpcFrontDoorOptions,
  door: Door,
  registry: Registry,
  lane: RealtimeLane,
  metrics: Metrics,
  admin: AdminBackend,
  jobs: JobsBackend | null,
): Promise<GrpcFrontDoor> {
  // Its own log goes around ours; what matters comes back as errors.
  setLogVerbosity(logVerbosity.NONE);
  const server = new Server({
    "grpc.max_receive_message_length": options.maxMessageBytes,
    "grpc.max_send_message_length": -1,
    "grpc.enable_channelz": 0,
    ...(door.lock === null ? {} : { interceptors: [lockInterceptor(door.lock)] }),
  });
  const service = new InferenceService(registry, lane, metrics);
  server.addService(InferenceService.definition(), service.handlers());
  server.addService(AdminService.definition(), new AdminService(admin).handlers());
  if (jobs !== null) server.addService(JobsService.definition(), new JobsService(jobs, door.lock === null ? null : callerOf).handlers());
  addHealth(registry, server);
  new ReflectionService({ ...INFERENCE_PACKAGE, ...ADMIN_PACKAGE, ...JOBS_PACKAGE, ...loadSync(healthProtoPath) }).addToServer(server);
  const port = await bind(server, options, door.tls?.grpcCredentials() ?? ServerCredentials.createInsecure());
  return {
    port,
    close: (answered) => closeServer(server, authority(options.host, port), answered),
  };
}

/** Streams that never end by themselves, such as a Watch of the health, and callers that read no answer. */
const CLOSE_GRACE_MS = 1000;

/** Refusing what comes in the meantime is up to the handlers. forceShutdown would find no connection: it knows those of channelz only. */
async function closeServer(server: GrpcServer, address: string, answered: Promise<void>): Promise<void> {
  await answered;
  server.drain(address, CLOSE_GRACE_MS);
  await new Promise<void>((resolve) => server.tryShutdown(() => resolve()));
}

/** "" is the whole server: it serves once every model has settled, until it drains. A model's name is a service of its own. */
function addHealth(registry: Registry, server: GrpcServer): void {
  const health = new HealthImplementation({ "": "NOT_SERVING" });
  const reportServer = (): void => health.setStatus("", registry.accepting ? "SERVING" : "NOT_SERVING");
  const report = ({ name }: RegistryEntry): void => {
    const ready = registry.versionsOf(name).some((entry) => entry.status.state === "ready");
    health.setStatus(name, ready ? "SERVING" : "NOT_SERVING");
    reportServer();
  };
  registry.onStatus(report);
  registry.onAccepting(reportServer);
  reportServer();
  for (const entry of registry.entries()) report(entry);
  health.addToServer(server);
}

function bind(server: GrpcServer, { host, port }: GrpcFrontDoorOptions, credentials: ServerCredentials): Promise<number> {
  const address = authority(host, port);
  return new Promise((resolve, reject) => {
    server.bindAsync(address, credentials, (error, bound) => {
      if (error === null) resolve(bound);
      else reject(listenError("gRPC", host, port, "IDIOM_GRPC_PORT", error.message));
    });
  });
}

function authority(host: string, port: number): string {
  return host.includes(":") ? `[${host}]:${port}` : `${host}:${port}`;
}
