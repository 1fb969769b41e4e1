// The CLI's gRPC connection to a server: every failure on it is a failure of the command.

import { once } from "node:events";
import { join } from "node:path";
import {
  type ChannelCredentials,
  type ClientReadableStream,
  type ClientWritableStream,
  credentials,
  type GrpcObject,
  InterceptingCall,
  type Interceptor,
  loadPackageDefinition,
  type ServiceClientConstructor,
  type ServiceError,
} from "@grpc/grpc-js";
import { loadSync, type Options } from "@grpc/proto-loader";
import { PACKAGE_ROOT } from "../package-root.ts";
import { access } from "./access.ts";
import { CliFailure, EXIT, fromServiceError } from "./failure.ts";

export interface ServiceLocation {
  /** Below `proto/`. */
  readonly file: string;
  /** With its package: `inference.GRPCInferenceService`. */
  readonly service: string;
  readonly options: Options;
}

const CALL_TIMEOUT_MS = 60_000;

export class Connection {
  readonly #server: string;
  readonly #stub: InstanceType<ServiceClientConstructor>;

  /** `server` is `host:port`. `apiKey`: what every call carries; null: nothing. */
  constructor(server: string, { file, service, options }: ServiceLocation, apiKey = access().apiKey) {
    this.#server = server;
    const definition = loadPackageDefinition(loadSync(join(PACKAGE_ROOT, "proto", file), options));
    const Stub = service.split(".").reduce((at: GrpcObject, name) => at[name] as GrpcObject, definition) as unknown as ServiceClientConstructor;
    const interceptors = apiKey === null ? [] : [sends(apiKey)];
    this.#stub = new Stub(server, channelCredentials(), { "grpc.max_receive_message_length": -1, interceptors });
  }

  call<Answer>(method: string, request: object, timeoutMs = CALL_TIMEOUT_MS): Promise<Answer> {
    return new Promise((resolve, reject) => {
      const unary = this.#stub[method] as (request: object, options: object, done: (error: ServiceError | null, answer: Answer) => void) => void;
      unary.call(this.#stub, request, { deadline: Date.now() + timeoutMs }, (error, answer) => {
        if (error === null) resolve(answer);
        else reject(fromServiceError(error, this.#server));
      });
    });
  }

  /** Sends messages as fast as they are taken; resolves with the answer to all of them. */
  async send<Answer>(method: string, messages: AsyncIterable<object>): Promise<Answer> {
    const open = this.#stub[method] as (done: (error: ServiceError | null, answer: Answer) => void) => ClientWritableStream<object>;
    let stream: ClientWritableStream<object> | null = null;
    let answered = false;
    const answer = new Promise<Answer>((resolve, reject) => {
      stream = open.call(this.#stub, (error, value) => {
        answered = true;
        if (error === null) resolve(value);
        else reject(fromServiceError(error, this.#server));
      });
    });
    const out = stream as unknown as ClientWritableStream<object>;
    const sending = (async () => {
      for await (const message of messages) {
        if (answered) return;
        if (!out.write(message)) await Promise.race([once(out, "drain"), answer]);
      }
      out.end();
    })();
    // A file that cannot be read ends the call; a call that has ended ends the sending.
    sending.catch(() => out.cancel());
    const [value] = await Promise.all([answer, sending]);
    return value;
  }

  /** The messages of a stream; ends with it. Whoever stops reading cancels it. */
  async *stream<Message>(method: string, request: object): AsyncGenerator<Message, void, void> {
    const open = this.#stub[method] as (request: object) => ClientReadableStream<Message>;
    const stream = open.call(this.#stub, request);
    try {
      for await (const message of stream) yield message as Message;
    } catch (error) {
      throw fromServiceError(error as ServiceError, this.#server);
    } finally {
      stream.cancel();
    }
  }

  close(): void {
    this.#stub.close();
  }
}

function channelCredentials(): ChannelCredentials {
  const { tls } = access();
  try {
    return tls === null ? credentials.createInsecure() : credentials.createSsl(tls.ca, tls.key, tls.cert);
  } catch (error) {
    throw new CliFailure(`TLS: ${(error as Error).message}`, EXIT.usage);
  }
}

/** Every call of a client carries the key. */
function sends(apiKey: string): Interceptor {
  return (options, nextCall) =>
    new InterceptingCall(nextCall(options), {
      start(metadata, listener, next) {
        metadata.set("authorization", `Bearer ${apiKey}`);
        next(metadata, listener);
      },
    });
}
