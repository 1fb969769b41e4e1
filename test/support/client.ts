// The Open Inference Protocol as any grpc-js program speaks it. Shares no code with the server or the CLI.
import { join } from "node:path";
import {
  type CallOptions,
  type ChannelCredentials,
  type ClientOptions,
  credentials,
  type GrpcObject,
  loadPackageDefinition,
  Metadata,
  type ServiceClientConstructor,
  type ServiceError,
} from "@grpc/grpc-js";
import { loadSync } from "@grpc/proto-loader";
import { PACKAGE_ROOT } from "../../src/package-root.ts";
import type { Contents, ReceivedTensor, SentTensor } from "./tensors.ts";

export interface InferRequest {
  readonly model_name: string;
  readonly model_version?: string;
  readonly id?: string;
  readonly parameters?: Readonly<Record<string, object>>;
  readonly inputs: readonly object[];
  readonly outputs?: readonly { readonly name: string }[];
  readonly raw_input_contents?: readonly Buffer[];
}

export interface InferResponse {
  readonly model_name: string;
  readonly model_version: string;
  readonly id: string;
  readonly outputs: readonly { readonly name: string; readonly datatype: string; readonly shape: readonly string[]; readonly contents: Contents | null }[];
  readonly raw_output_contents: readonly Buffer[];
}

export type Outputs = Readonly<Record<string, ReceivedTensor>>;

const CALL_TIMEOUT_MS = 25_000;

export const ENCODINGS = ["raw", "typed"] as const;

/** How the inputs travel: as raw bytes beside the request, or as typed contents within each input. */
export type Encoding = (typeof ENCODINGS)[number];

/** A call that was sent. `answer` settles once. */
export interface Call<Answer> {
  readonly answer: Promise<Answer>;
  cancel(): void;
}

const definition = loadSync(join(PACKAGE_ROOT, "proto", "inference", "grpc_service.proto"), { keepCase: true, longs: String, defaults: true, oneofs: true });
const Stub = (loadPackageDefinition(definition)["inference"] as GrpcObject)["GRPCInferenceService"] as ServiceClientConstructor;

type Unary = (request: object, metadata: Metadata, options: CallOptions, done: (error: ServiceError | null, answer: never) => void) => { cancel(): void };

export class Client {
  readonly #stub: InstanceType<ServiceClientConstructor>;

  constructor(address: string, options: ClientOptions = {}, channel: ChannelCredentials = credentials.createInsecure()) {
    this.#stub = new Stub(address, channel, { "grpc.max_receive_message_length": -1, "grpc.max_send_message_length": -1, ...options });
  }

  close(): void {
    this.#stub.close();
  }

  /** Sends one unary call by its RPC's name. A failure rejects with grpc-js's ServiceError; without a deadline of its own it ends in time for the test. */
  start<Answer>(method: string, request: object, options: CallOptions = {}): Call<Answer> {
    const unary = this.#stub[method] as unknown as Unary;
    let cancel = (): void => {};
    const answer = new Promise<Answer>((resolve, reject) => {
      const call = unary.call(this.#stub, request, new Metadata(), { deadline: Date.now() + CALL_TIMEOUT_MS, ...options }, (error, value) =>
        error === null ? resolve(value) : reject(error),
      );
      cancel = () => call.cancel();
    });
    return { answer, cancel };
  }

  call<Answer>(method: string, request: object, options?: CallOptions): Promise<Answer> {
    return this.start<Answer>(method, request, options).answer;
  }

  /** Sends these bytes as the message of a unary call, whether the RPC exists or not, and resolves with the answer's bytes. */
  sendBytes(method: string, message: Buffer): Promise<Buffer> {
    const asIs = (bytes: Buffer): Buffer => bytes;
    return new Promise((resolve, reject) => {
      const done = (error: ServiceError | null, answer?: Buffer): void => (error === null ? resolve(answer as Buffer) : reject(error));
      this.#stub.makeUnaryRequest(`/inference.GRPCInferenceService/${method}`, asIs, asIs, message, done);
    });
  }

  modelInfer(request: InferRequest, options?: CallOptions): Promise<InferResponse> {
    return this.call("ModelInfer", request, options);
  }

  /** The usual call: these tensors in, outputs by name. */
  async infer(model: string, inputs: readonly SentTensor[], options: { readonly encoding?: Encoding } & CallOptions = {}): Promise<Outputs> {
    const { encoding, ...call } = options;
    return outputsOf(await this.modelInfer(inferRequest(model, inputs, encoding), call));
  }
}

export function inferRequest(model: string, inputs: readonly SentTensor[], encoding: Encoding = "raw", more: Partial<InferRequest> = {}): InferRequest {
  const described = inputs.map(({ name, datatype, shape, contents }) => ({ name, datatype, shape, ...(encoding === "typed" ? { contents } : {}) }));
  return { model_name: model, inputs: described, ...(encoding === "raw" ? { raw_input_contents: inputs.map((input) => input.data) } : {}), ...more };
}

/** The outputs of an answer with raw contents. */
export function outputsOf(response: InferResponse): Outputs {
  return Object.fromEntries(
    response.outputs.map(({ name, datatype, shape }, i) => [name, { datatype, shape: shape.map(Number), data: response.raw_output_contents[i] as Buffer }]),
  );
}

/** The gRPC error that `call` ends with. Fails when it is answered. */
export async function failureOf(call: Promise<unknown>): Promise<ServiceError> {
  try {
    await call;
  } catch (error) {
    return error as ServiceError;
  }
  throw new Error("expected a failure, but the call was answered");
}

/** Idiom's own code of an error, from its metadata. */
export function errorCode(error: ServiceError): string | undefined {
  return error.metadata.get("idiom-error")[0]?.toString();
}
