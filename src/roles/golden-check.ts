// Sends the golden inputs of a version through the lane, as a caller's would go, and compares the answers bit for bit.

import { DATATYPES } from "../core/datatype.ts";
import { IdiomError } from "../core/errors.ts";
import { Invocation, type Outcome } from "../core/invocation.ts";
import { bytesElements } from "../core/json-tensor.ts";
import type { ModelVersion } from "../core/model.ts";
import { formatShape, type Signature, shapeFits, type TensorSpec } from "../core/signature.ts";
import type { Tensor } from "../core/tensor.ts";
import { misfit } from "../core/tensor-check.ts";
import type { RealtimeLane } from "../lanes/realtime/lane.ts";
import { type Golden, type NamedTensor, readGolden } from "../registry/golden.ts";

export type GoldenReport =
  | { readonly result: "passed"; readonly files: number; readonly rows: number }
  | { readonly result: "none" }
  /** Nothing runs that could be asked: the version starts with its first request. */
  | { readonly result: "dormant" }
  | { readonly result: "failed"; readonly file: string; readonly reason: string };

/** Checks every golden file of a ready version. Never throws: what went wrong is the report. */
export async function checkGolden(version: ModelVersion, signature: Signature, lane: RealtimeLane): Promise<GoldenReport> {
  let rows = 0;
  let current = version.manifest.golden;
  try {
    const files = readGolden(version.folder, version.manifest.golden);
    if (files.length === 0) return { result: "none" };
    for (const golden of files) {
      current = golden.file;
      rows += golden.inputs[0]?.tensor.shape[0] ?? 0;
      const problem = compare(signature, golden, await invoke(version, signature, golden, lane));
      if (problem !== null) return { result: "failed", file: golden.file, reason: problem };
    }
    return { result: "passed", files: files.length, rows };
  } catch (error) {
    return { result: "failed", file: current, reason: IdiomError.from(error).message };
  }
}

function invoke(version: ModelVersion, signature: Signature, golden: Golden, lane: RealtimeLane): Promise<readonly Tensor[]> {
  const inputs = signature.inputs.map((spec) => tensorOf(golden.inputs, spec));
  const problem = signature.inputs.map((spec, i) => misfit(spec, inputs[i] as Tensor)).find((found) => found !== null);
  if (problem !== undefined) throw new IdiomError("MODEL_INVALID", problem);
  const batched = version.manifest.batching !== null;
  const request = {
    version,
    signature,
    inputs,
    rows: batched ? (inputs[0]?.shape[0] ?? 0) : 0,
    bytes: inputs.reduce((sum, tensor) => sum + tensor.data.length, 0),
    mergeKey: "golden",
    priority: 1 as const,
  };
  return new Promise((resolve, reject) => {
    lane.submit(new Invocation(request, (outcome: Outcome) => (outcome.ok ? resolve(outcome.outputs) : reject(outcome.error))));
  });
}

function tensorOf(tensors: readonly NamedTensor[], spec: TensorSpec): Tensor {
  const found = tensors.find((candidate) => candidate.name === spec.name);
  if (found === undefined) throw new IdiomError("MODEL_INVALID", `'${spec.name}' is not in the golden file`);
  return found.tensor;
}

/** The first difference in words, or null. NaNs are equal whatever their payload: JSON cannot tell them apart. */
function compare(signature: Signature, golden: Golden, answer: readonly Tensor[]): string | null {
  for (const expected of golden.outputs) {
    const index = signature.outputs.findIndex((spec) => spec.name === expected.name);
    const actual = answer[index];
    if (actual === undefined) return `output '${expected.name}' is not in the answer`;
    if (!shapeFits(expected.tensor.shape, actual.shape)) {
      return `output '${expected.name}' has the shape ${formatShape(actual.shape)}, recorded was ${formatShape(expected.tensor.shape)}`;
    }
    const element = firstDifference(expected.tensor, actual);
    if (element !== null) return `output '${expected.name}' differs from the recorded answer at element ${element}`;
  }
  return null;
}

/** The first element that differs, or null. Both have the same number of elements. */
function firstDifference(expected: Tensor, actual: Tensor): number | null {
  if (Buffer.compare(expected.data, actual.data) === 0) return null;
  const [one, other] = [elementsOf(expected), elementsOf(actual)];
  const same = (a: Uint8Array, b: Uint8Array): boolean => Buffer.compare(a, b) === 0 || (isNaNOf(expected.datatype, a) && isNaNOf(expected.datatype, b));
  const index = one.findIndex((element, i) => !same(element, other[i] as Uint8Array));
  return index === -1 ? null : index;
}

function elementsOf({ datatype, data }: Tensor): Uint8Array[] {
  const { size } = DATATYPES[datatype];
  if (size === null) return bytesElements(data);
  return Array.from({ length: data.length / size }, (_, i) => data.subarray(i * size, (i + 1) * size));
}

function isNaNOf(datatype: Tensor["datatype"], bytes: Uint8Array): boolean {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (datatype === "FP64") return Number.isNaN(view.getFloat64(0, true));
  if (datatype === "FP32") return Number.isNaN(view.getFloat32(0, true));
  if (datatype === "BF16") return (view.getUint16(0, true) & 0x7fff) > 0x7f80;
  return datatype === "FP16" && Number.isNaN(view.getFloat16(0, true));
}
