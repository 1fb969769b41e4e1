// Holds a tensor that came from outside this process against its place in a signature.
import { formatShape, shapeFits, type TensorSpec } from "./signature.ts";
import { byteLength, elementCount, skipBytesElements, type Tensor } from "./tensor.ts";

/** What is wrong with `tensor` as an instance of `spec`, in words; null when it fits to the last byte. */
export function misfit(spec: TensorSpec, tensor: Tensor): string | null {
  const { datatype, shape, data } = tensor;
  if (datatype !== spec.datatype || !shapeFits(spec.shape, shape)) {
    return `'${spec.name}' is ${datatype} ${formatShape(shape)}, the signature says ${spec.datatype} ${formatShape(spec.shape)}`;
  }
  const expected = byteLength(datatype, shape);
  if (expected !== null) return expected === data.length ? null : `'${spec.name}' has ${data.length} bytes, ${expected} by its shape`;
  const count = elementCount(shape);
  const framed = count * 4 <= data.length && skipBytesElements(data, 0, count) === data.length;
  return framed ? null : `the elements of '${spec.name}' do not fill its ${data.length} bytes`;
}
