// Requests against a signature, validated as the front door does it.
import type { InvocationRequest } from "../../src/core/invocation.ts";
import type { Manifest } from "../../src/core/model.ts";
import type { Signature, TensorSpec } from "../../src/core/signature.ts";
import { RequestValidator } from "../../src/gateway/request-validation.ts";
import { idiomError } from "./idiom-error.ts";
import { type InputFields, inferMessage, type RequestFields } from "./infer-messages.ts";
import { modelVersion, signature, spec } from "./specs.ts";

export const PAIR = signature(
  [spec("INPUT0", "INT32", [-1, 2]), spec("INPUT1", "INT32", [-1, 2])],
  [spec("OUTPUT0", "INT32", [-1, 2]), spec("OUTPUT1", "INT32", [-1, 2])],
);
export const INPUT0: InputFields = { name: "INPUT0", datatype: "INT32", shape: [1, 2] };
export const INPUT1: InputFields = { ...INPUT0, name: "INPUT1" };

export function validate(fields: RequestFields, model: Signature = PAIR, rest: Partial<Manifest> = {}): InvocationRequest {
  return new RequestValidator(modelVersion(rest), model).validate(inferMessage(fields));
}

/** One input `x` against the signature of one input. */
export function validateOne(
  x: TensorSpec,
  fields: Partial<InputFields>,
  raw?: Uint8Array,
  rest: Partial<Manifest> = {},
  parameters: object = {},
): InvocationRequest {
  const input = { name: "x", datatype: x.datatype, shape: [1], ...fields };
  return validate({ inputs: [input], parameters, ...(raw === undefined ? {} : { raw_input_contents: [raw] }) }, signature([x], []), rest);
}

export const refused = (message: string | RegExp): ReturnType<typeof idiomError> => idiomError("INVALID_REQUEST", message);
