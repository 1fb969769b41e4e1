// ModelInfer requests as they arrive: written by one protobuf implementation's conversion, read by the gateway's own codec.
import { decodeInferRequest, INFERENCE_PACKAGE, type InferRequestMessage } from "../../src/gateway/inference-messages.ts";

/** `shape` and 64-bit values may be decimal text. */
export interface InputFields {
  readonly name: string;
  readonly datatype: string;
  readonly shape: readonly (number | string)[];
  readonly parameters?: object;
  readonly contents?: Readonly<Record<string, readonly unknown[]>>;
}

export interface RequestFields {
  readonly inputs: readonly InputFields[];
  readonly raw_input_contents?: readonly Uint8Array[];
  readonly outputs?: readonly { readonly name: string }[];
  readonly parameters?: object;
}

interface Method {
  readonly ModelInfer: { requestSerialize(request: object): Buffer };
}

/** The message that the gateway gets of a request for model `m`. */
export function inferMessage(fields: RequestFields): InferRequestMessage {
  const { ModelInfer } = INFERENCE_PACKAGE["inference.GRPCInferenceService"] as unknown as Method;
  return decodeInferRequest(ModelInfer.requestSerialize({ model_name: "m", ...fields }));
}
