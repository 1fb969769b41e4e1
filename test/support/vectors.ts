// The vectors of the harness protocol (proto/harness/v1/vectors), typed.
import { readFileSync } from "node:fs";
import { join } from "node:path";
import type { Datatype } from "../../src/core/datatype.ts";
import { PACKAGE_ROOT } from "../../src/package-root.ts";
import type { FrameName } from "../../workers/instance/protocol.ts";

export const VECTORS = join(PACKAGE_ROOT, "proto", "harness", "v1", "vectors");

export interface TensorVector {
  readonly index: number;
  readonly datatype: Datatype;
  readonly content_type: string | null;
  readonly shape: number[];
  /** Hex. */
  readonly data: string;
}

export interface TensorBodyVector {
  readonly segments: number[];
  readonly tensors: TensorVector[];
  readonly errors: object[] | null;
}

/** A frame has either a JSON body or tensors. `id` is decimal text. */
export interface FrameVector {
  readonly type: FrameName;
  readonly id: string;
  readonly json?: object;
  readonly tensors?: TensorBodyVector;
}

export interface FramesFile {
  readonly max_frame: number;
  /** `chunks` are hex. `encode: false`: decoding only. */
  readonly cases: { readonly name: string; readonly chunks: string[]; readonly frames: FrameVector[]; readonly encode?: boolean }[];
}

export interface InvalidFile {
  readonly max_frame: number;
  readonly violations: { readonly name: string; readonly receiver: "any" | "harness" | "host"; readonly stream: string; readonly reason: string }[];
  readonly stale: { readonly name: string; readonly in_flight: string | null; readonly stream: string }[];
}

export function readFrames(): FramesFile {
  return JSON.parse(readFileSync(join(VECTORS, "frames.json"), "utf8")) as FramesFile;
}

/** The frames of the control channel. */
export function readForks(): FramesFile {
  return JSON.parse(readFileSync(join(VECTORS, "forks.json"), "utf8")) as FramesFile;
}

export function readInvalid(): InvalidFile {
  return JSON.parse(readFileSync(join(VECTORS, "invalid.json"), "utf8")) as InvalidFile;
}
