// Tensors from plain values, for tests that look at what becomes of those.
import type { Datatype } from "../../src/core/datatype.ts";
import { type JsonValue, joinBytesElements, tensorFromJson } from "../../src/core/json-tensor.ts";
import type { Tensor } from "../../src/core/tensor.ts";

/** `values` are flat; a Buffer is an element of BYTES. */
export function valuesTensor(datatype: Datatype, shape: number[], values: readonly (JsonValue | Buffer)[]): Tensor {
  if (datatype !== "BYTES") return tensorFromJson({ name: "", datatype, shape, data: values as JsonValue[] });
  return { datatype, contentType: null, shape, data: joinBytesElements(values.map((value) => (Buffer.isBuffer(value) ? value : Buffer.from(String(value))))) };
}
