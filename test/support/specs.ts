// Signatures and model versions for unit tests: what a test does not name has the default that a model.yaml would give it.
import type { Datatype } from "../../src/core/datatype.ts";
import type { Manifest, ModelLimits, ModelVersion } from "../../src/core/model.ts";
import type { Signature, TensorHint, TensorSpec } from "../../src/core/signature.ts";
import type { Tensor } from "../../src/core/tensor.ts";
import type { ProcessLimits } from "../../workers/sandbox/limits.ts";

export function spec(name: string, datatype: Datatype, shape: readonly number[], rest: Partial<TensorSpec> = {}): TensorSpec {
  return { name, datatype, shape, contentType: null, na: null, levels: null, ...rest };
}

/** What a source knows of a tensor; nothing but its name unless said. */
export function hint(name: string, rest: Partial<TensorHint> = {}): TensorHint {
  return { name, datatype: null, shape: null, contentType: null, na: null, levels: null, ...rest };
}

export function signature(inputs: readonly TensorSpec[], outputs: readonly TensorSpec[]): Signature {
  return { inputs, outputs };
}

export function tensor(datatype: Datatype, shape: readonly number[], data: Uint8Array): Tensor {
  return { datatype, contentType: null, shape, data };
}

/** What a model.yaml without limits asks for. */
export const LIMITS: ModelLimits = { timeoutMs: 30_000, memoryBytes: 2 ** 30, cpus: null, pids: 64, tmpBytes: 2 ** 26, network: false };
export const PROCESS_LIMITS: ProcessLimits = {
  ...LIMITS,
  dataBytes: LIMITS.memoryBytes,
  sharedBy: 1,
  sandboxMemoryBytes: LIMITS.memoryBytes,
  sandboxPids: LIMITS.pids,
};

export function manifest(rest: Partial<Manifest> = {}): Manifest {
  return {
    name: "m",
    runtime: "python",
    entry: null,
    declared: { inputs: null, outputs: null },
    contentType: null,
    per: "batch",
    idempotent: true,
    batching: null,
    maxRequestRows: null,
    instances: { min: 1, max: 1, fork: true, recycle: null },
    golden: "golden/*.json",
    limits: LIMITS,
    ...rest,
  };
}

export function modelVersion(rest: Partial<Manifest> = {}, version = "1"): ModelVersion {
  const full = manifest(rest);
  return { name: full.name, version, key: `${full.name}/${version}`, folder: "/models/m", digest: "0".repeat(64), manifest: full, golden: null };
}

/** Rows up to `maxSize` may share a frame. */
export function batching(maxSize: number): Pick<Manifest, "batching" | "maxRequestRows"> {
  return { batching: { maxSize, maxDelayMs: 0, maxBytes: 8 * 2 ** 20 }, maxRequestRows: maxSize };
}
