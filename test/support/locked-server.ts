// A server whose door is locked, and callers with a key.
import { once } from "node:events";
import { join } from "node:path";
import { type ChannelCredentials, credentials, Client as GrpcClient, InterceptingCall, type Interceptor, type ServiceError, status } from "@grpc/grpc-js";
import { newApiKey } from "../../src/config/api-key.ts";
import { type ApiKey, changeApiKeys } from "../../src/config/api-key-file.ts";
import { Lines } from "./lines.ts";
import { spawnUp } from "./server.ts";

export interface LockedServer {
  /** `localhost:port` of the gRPC door. */
  readonly grpc: string;
  readonly http: string;
  readonly log: Lines;
  stop(): Promise<void>;
}

/** Starts `idiom up` for other machines than this one, and resolves once every model has settled. */
export async function startLocked(models: string, env: NodeJS.ProcessEnv): Promise<LockedServer> {
  const child = spawnUp({ models, env: { IDIOM_HOST: "0.0.0.0", ...env } });
  const [output, log] = [child.stdout, child.stderr].map((stream) => new Lines(stream as NonNullable<typeof stream>)) as [Lines, Lines];
  const ports = await output.first((line) => /gRPC 0\.0\.0\.0:(\d+) +HTTP (https?):\/\/0\.0\.0\.0:(\d+)\//.exec(line)?.slice(1, 4) ?? null);
  return {
    grpc: `localhost:${ports[0]}`,
    http: `${ports[1]}://localhost:${ports[2]}`,
    log,
    async stop() {
      const exited = once(child, "exit");
      child.kill("SIGTERM");
      await exited;
    },
  };
}

/** A file of keys. */
export class KeyFile {
  readonly path: string;

  constructor(folder: string) {
    this.path = join(folder, "api-keys.json");
  }

  /** Adds a key for everything that its role may, but for `terms`. */
  create(name: string, role: ApiKey["role"], terms: Partial<ApiKey> = {}): string {
    const { text, id, hash } = newApiKey();
    const free = { models: null, requestsPerSecond: null, maxConcurrent: null };
    changeApiKeys(this.path, (keys) => [...keys, { id, name, role, hash, createdAt: new Date().toISOString(), ...free, ...terms }]);
    return text;
  }

  revoke(name: string): void {
    changeApiKeys(this.path, (keys) => keys.filter((key) => key.name !== name));
  }
}

/** Lets every call of a client carry a key. */
export function withKey(key: string): { interceptors: Interceptor[] } {
  return {
    interceptors: [
      (options, nextCall) =>
        new InterceptingCall(nextCall(options), {
          start(metadata, listener, next) {
            metadata.set("authorization", `Bearer ${key}`);
            next(metadata, listener);
          },
        }),
    ],
  };
}

/** Sends an empty message to any method, and returns what came of it: "OK" or the name of the status. */
export async function tryCall(address: string, path: string, key: string | null, channel: ChannelCredentials = credentials.createInsecure()): Promise<string> {
  const client = new GrpcClient(address, channel, key === null ? {} : withKey(key));
  const asIs = (bytes: Buffer): Buffer => bytes;
  try {
    return await new Promise((resolve) => {
      const stream = client.makeServerStreamRequest(path, asIs, asIs, Buffer.alloc(0), { deadline: Date.now() + 10_000 });
      stream.on("data", () => {});
      stream.on("error", (error: ServiceError) => resolve(status[error.code] as string));
      stream.on("end", () => resolve("OK"));
    });
  } finally {
    client.close();
  }
}
