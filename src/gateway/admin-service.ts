// idiom.v1.AdminService: what operators see and do. The work is the backend's; here are messages, errors and back-pressure.
import { once } from "node:events";
import { join } from "node:path";
import type { ServerUnaryCall, ServerWritableStream, ServiceDefinition, sendUnaryData, UntypedServiceImplementation } from "@grpc/grpc-js";
import { loadSync } from "@grpc/proto-loader";
import type { AdminBackend, LogChunk, LogQuery } from "../core/admin.ts";
import { PACKAGE_ROOT } from "../package-root.ts";
import { toServiceError } from "./status.ts";

/** For addService and reflection. Fields are named as in core/admin.ts. */
export const ADMIN_PACKAGE = loadSync(join(PACKAGE_ROOT, "proto", "idiom", "v1", "admin.proto"), { longs: Number, defaults: true });

export class AdminService {
  readonly #backend: AdminBackend;

  constructor(backend: AdminBackend) {
    this.#backend = backend;
  }

  static definition(): ServiceDefinition {
    return ADMIN_PACKAGE["idiom.v1.AdminService"] as ServiceDefinition;
  }

  handlers(): UntypedServiceImplementation {
    const backend = this.#backend;
    return {
      ListModels: answering(async () => ({ versions: await backend.listModels() })),
      DescribeModel: answering(async ({ name, version }: { name: string; version: string }) => ({ versions: await backend.describeModel(name, version) })),
      ListNodes: answering(async () => ({ nodes: await backend.listNodes() })),
      DrainNode: answering(async ({ name }: { name: string }) => ({ node: await backend.drainNode(name) })),
      ReloadModels: answering(({ wait }: { wait: boolean }) => backend.reloadModels(wait)),
      GetStatus: answering(() => backend.status()),
      TailLogs: (call: ServerWritableStream<LogQuery, LogChunk>) => void this.#tailLogs(call),
    };
  }

  /** The next chunk is asked for when the reader has room for it: what waits for a slow one is the ring, not memory of its own. */
  async #tailLogs(call: ServerWritableStream<LogQuery, LogChunk>): Promise<void> {
    const gone = new AbortController();
    call.on("cancelled", () => gone.abort());
    try {
      for await (const chunk of this.#backend.tailLogs(call.request, gone.signal)) {
        if (!call.write(chunk)) await once(call, "drain", { signal: gone.signal });
      }
      call.end();
    } catch (error) {
      if (!gone.signal.aborted) call.emit("error", toServiceError(error));
    }
  }
}

function answering<Request>(handle: (request: Request) => Promise<object>): (call: ServerUnaryCall<Request, object>, callback: sendUnaryData<object>) => void {
  return (call, callback) => {
    handle(call.request).then(
      (answer) => callback(null, answer),
      (error: unknown) => callback(toServiceError(error)),
    );
  };
}
