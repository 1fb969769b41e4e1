// idiom.v1.AdminService as any grpc-js program speaks it. Shares no code with the server or the CLI.
import { join } from "node:path";
import {
  type ClientOptions,
  type ClientReadableStream,
  credentials,
  type GrpcObject,
  loadPackageDefinition,
  type ServiceClientConstructor,
  type ServiceError,
} from "@grpc/grpc-js";
import { loadSync } from "@grpc/proto-loader";
import { PACKAGE_ROOT } from "../../src/package-root.ts";

export interface TailLogsResponse {
  readonly lost: string;
  readonly lines: readonly { readonly node: string; readonly model: string; readonly stream: string; readonly message: string }[];
}

const definition = loadSync(join(PACKAGE_ROOT, "proto", "idiom", "v1", "admin.proto"), { keepCase: true, longs: String, defaults: true });
const Stub = ((loadPackageDefinition(definition)["idiom"] as GrpcObject)["v1"] as GrpcObject)["AdminService"] as ServiceClientConstructor;

/** Follows the log of a model, from its newest line on. Whoever does not read it makes the server wait. */
export function followLogs(address: string, model: string, options: ClientOptions = {}): ClientReadableStream<TailLogsResponse> {
  const stub = new Stub(address, credentials.createInsecure(), options);
  const tail = stub["TailLogs"] as unknown as (request: object) => ClientReadableStream<TailLogsResponse>;
  const stream = tail.call(stub, { model, last: 1, follow: true });
  stream.once("close", () => stub.close());
  stream.on("error", () => {});
  return stream;
}

/** Reads a log on that was paused, until it has `printed` lines or was told that they are lost; then leaves it. */
export async function readOn(stream: ClientReadableStream<TailLogsResponse>, printed: number): Promise<{ readonly lost: number; readonly lines: number }> {
  let [lost, lines] = [0, 0];
  const read = Promise.withResolvers<void>();
  stream.on("data", (chunk: TailLogsResponse) => {
    lost += Number(chunk.lost);
    lines += chunk.lines.length;
    if (lost + lines >= printed) read.resolve();
  });
  stream.resume();
  await read.promise;
  stream.cancel();
  return { lost, lines };
}

/** A connection that stays open, for questions whose moment matters. */
export class AdminPeer {
  readonly #stub: InstanceType<typeof Stub>;

  constructor(address: string) {
    this.#stub = new Stub(address, credentials.createInsecure());
  }

  ask<Answer>(method: string, request: object = {}): Promise<Answer> {
    const unary = this.#stub[method] as unknown as (request: object, done: (error: ServiceError | null, answer: Answer) => void) => void;
    return new Promise((resolve, reject) => {
      unary.call(this.#stub, request, (error, answer) => (error === null ? resolve(answer) : reject(error)));
    });
  }

  close(): void {
    this.#stub.close();
  }
}
