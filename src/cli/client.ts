// The CLI's client for calling models: it speaks the same protocol as every other client.
import { type Datatype, isContentType } from "../core/datatype.ts";
import type { JsonTensor } from "../core/json-tensor.ts";
import { tensorFromJson, tensorToJson } from "../core/json-tensor.ts";
import { Connection } from "./connection.ts";

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

export interface InferAnswer {
  readonly modelVersion: string;
  readonly outputs: JsonTensor[];
}

const INFERENCE = {
  file: "inference/grpc_service.proto",
  service: "inference.GRPCInferenceService",
  options: { keepCase: true, longs: Number, defaults: true },
} as const;

export class Client {
  readonly #connection: Connection;

  /** `server` is `host:port`. */
  constructor(server: string) {
    this.#connection = new Connection(server, INFERENCE);
  }

  metadata(name: string, version: string): Promise<ModelMetadata> {
    return this.#connection.call("ModelMetadata", { name, version });
  }

  async infer(name: string, version: string, inputs: readonly JsonTensor[]): Promise<InferAnswer> {
    const tensors = inputs.map((input) => tensorFromJson(input));
    const answer = await this.#connection.call<{ model_version: string; outputs: TensorMetadata[]; raw_output_contents: Buffer[] }>("ModelInfer", {
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
    this.#connection.close();
  }
}

function contentType(input: JsonTensor): object {
  const value = input.parameters?.["content_type"];
  return typeof value === "string" && isContentType(value) ? { content_type: { string_param: value } } : {};
}
