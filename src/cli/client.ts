// The CLI's gRPC client: it speaks the same protocol as every other client.
import { join } from "node:path";
import { credentials, type GrpcObject, loadPackageDefinition, type ServiceClientConstructor, type ServiceError } from "@grpc/grpc-js";
import { loadSync } from "@grpc/proto-loader";
import { type Datatype, isContentType } from "../core/datatype.ts";
import type { JsonTensor } from "../core/json-tensor.ts";
import { tensorFromJson, tensorToJson } from "../core/json-tensor.ts";
import { PACKAGE_ROOT } from "../package-root.ts";
import { fromServiceError } from "./failure.ts";

export interface TensorMetadata {
  readonly name: string;
  readonly datatype: string;
  readonly shape: number[];
}

export interface ModelMetadata {
  readonly name: string;
  readonly versions: string[];
  readonly platform: string;
  readonly inputs: TensorMetadata[];
  readonly outputs: TensorMetadata[];
}

export interface ModelIndex {
  readonly name: string;
  readonly version: string;
  readonly state: string;
  readonly reason: string;
}

export interface InferAnswer {
  readonly modelVersion: string;
  readonly outputs: JsonTensor[];
}

const CALL_TIMEOUT_MS = 60_000;

export class Client {
  readonly #server: string;
  readonly #stub: InstanceType<ServiceClientConstructor>;

  /** `server` is `host:port`. */
  constructor(server: string) {
    this.#server = server;
    const definition = loadSync(join(PACKAGE_ROOT, "proto", "inference", "grpc_service.proto"), { keepCase: true, longs: Number, defaults: true });
    const inference = loadPackageDefinition(definition)["inference"] as GrpcObject;
    const Stub = inference["GRPCInferenceService"] as ServiceClientConstructor;
    this.#stub = new Stub(server, credentials.createInsecure(), { "grpc.max_receive_message_length": -1 });
  }

  metadata(name: string, version: string): Promise<ModelMetadata> {
    return this.#call("ModelMetadata", { name, version });
  }

  async index(): Promise<ModelIndex[]> {
    return (await this.#call<{ models: ModelIndex[] }>("RepositoryIndex", {})).models;
  }

  async infer(name: string, version: string, inputs: readonly JsonTensor[]): Promise<InferAnswer> {
    const tensors = inputs.map((input) => tensorFromJson(input));
    const answer = await this.#call<{ model_version: string; outputs: TensorMetadata[]; raw_output_contents: Buffer[] }>("ModelInfer", {
      model_name: name,
      model_version: version,
      inputs: inputs.map((input) => ({ name: input.name, datatype: input.datatype, shape: input.shape, parameters: contentType(input) })),
      raw_input_contents: tensors.map((tensor) => tensor.data),
    });
    const outputs = answer.outputs.map((output, i) =>
      tensorToJson(output.name, {
        datatype: output.datatype as Datatype,
        contentType: null,
        shape: output.shape,
        data: answer.raw_output_contents[i] as Buffer,
      }),
    );
    return { modelVersion: answer.model_version, outputs };
  }

  close(): void {
    this.#stub.close();
  }

  #call<Answer>(method: string, request: object): Promise<Answer> {
    return new Promise((resolve, reject) => {
      const unary = this.#stub[method] as (request: object, options: object, done: (error: ServiceError | null, answer: Answer) => void) => void;
      unary.call(this.#stub, request, { deadline: Date.now() + CALL_TIMEOUT_MS }, (error, answer) => {
        if (error === null) resolve(answer);
        else reject(fromServiceError(error, this.#server));
      });
    });
  }
}

function contentType(input: JsonTensor): object {
  const value = input.parameters?.["content_type"];
  return typeof value === "string" && isContentType(value) ? { content_type: { string_param: value } } : {};
}
