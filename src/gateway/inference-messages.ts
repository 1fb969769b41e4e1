// The messages of ModelInfer as protobufjs decodes them, and their codec. Decoding straight to message objects, without
// proto-loader's conversion to plain ones, saves a copy of every request; bytes are views on the received message.
import { join } from "node:path";
import { loadSync } from "@grpc/proto-loader";
import type Long from "long";
import protobuf from "protobufjs";
import { PACKAGE_ROOT } from "../package-root.ts";
import { messageBomb } from "./message-limits.ts";

const PROTO = join(PACKAGE_ROOT, "proto", "inference", "grpc_service.proto");

/** For addService and reflection. int64 as decimal text: it never passes through a JS number. */
export const INFERENCE_PACKAGE = loadSync(PROTO, { keepCase: true, longs: String, defaults: true, oneofs: true });

export interface InferParameterMessage {
  readonly bool_param?: boolean;
  readonly int64_param?: Long;
  readonly string_param?: string;
  readonly double_param?: number;
  readonly uint64_param?: Long;
}

export type Parameters = Readonly<Record<string, InferParameterMessage>>;

export interface TensorContents {
  readonly bool_contents: boolean[];
  readonly int_contents: number[];
  readonly int64_contents: Long[];
  readonly uint_contents: number[];
  readonly uint64_contents: Long[];
  readonly fp32_contents: number[];
  readonly fp64_contents: number[];
  readonly bytes_contents: Uint8Array[];
}

export interface InferInputMessage {
  readonly name: string;
  readonly datatype: string;
  readonly shape: Long[];
  readonly parameters: Parameters;
  readonly contents: TensorContents | null;
}

export interface InferRequestMessage {
  readonly model_name: string;
  readonly model_version: string;
  readonly id: string;
  readonly parameters: Parameters;
  readonly inputs: InferInputMessage[];
  readonly outputs: { readonly name: string; readonly parameters: Parameters }[];
  readonly raw_input_contents: Uint8Array[];
  /** Set instead of everything else when the message was not decoded. */
  readonly refusal?: string;
}

export interface InferOutputMessage {
  readonly name: string;
  readonly datatype: string;
  readonly shape: readonly number[];
  readonly contents?: Partial<TensorContents>;
}

export interface InferResponseMessage {
  readonly model_name: string;
  readonly model_version: string;
  readonly id: string;
  readonly outputs: InferOutputMessage[];
  readonly raw_output_contents: readonly Uint8Array[];
}

const root = new protobuf.Root().loadSync(PROTO, { keepCase: true });

const REQUEST = root.lookupType("inference.ModelInferRequest");
const RESPONSE = root.lookupType("inference.ModelInferResponse");

/** A message that would decode to too much comes back empty but for `refusal`, which says why. */
export function decodeInferRequest(bytes: Buffer): InferRequestMessage {
  const refusal = messageBomb(bytes);
  if (refusal !== null) return { ...(REQUEST.create() as unknown as InferRequestMessage), refusal };
  return REQUEST.decode(bytes) as unknown as InferRequestMessage;
}

export function encodeInferResponse(response: InferResponseMessage): Buffer {
  return RESPONSE.encode(response as unknown as protobuf.Message).finish() as Buffer;
}
