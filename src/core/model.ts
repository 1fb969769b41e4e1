// A model version: what its author declared, and what the running system knows of it.
import type { ContentType } from "./datatype.ts";
import type { Signature, SignatureHints } from "./signature.ts";

export interface Batching {
  /** Rows of a merged frame. */
  readonly maxSize: number;
  /** Wait this long for more requests although a slot is free. */
  readonly maxDelayMs: number;
  readonly maxBytes: number;
}

/** When an instance is replaced by a fresh one, whichever comes first; null: never for this reason. */
export interface Recycle {
  readonly requests: number | null;
  readonly ageMs: number | null;
  /** Resident memory of its process. */
  readonly memoryBytes: number | null;
}

/** How many processes a version has on a node, and how they come and go. */
export interface Instances {
  readonly min: number;
  readonly max: number;
  /** Whether they may be forked from one process that has loaded the model. */
  readonly fork: boolean;
  /** null: an instance serves as long as it lives. */
  readonly recycle: Recycle | null;
}

/** What a version may take. */
export interface ModelLimits {
  readonly timeoutMs: number;
  /** Of all its processes together. */
  readonly memoryBytes: number;
  /** Cores that it may run on; null: all. */
  readonly cpus: number | null;
  /** Processes and threads. */
  readonly pids: number;
  /** What it may write to its private /tmp. */
  readonly tmpBytes: number;
  /** Whether it may use the network. */
  readonly network: boolean;
}

/** model.yaml, with its defaults filled in. */
export interface Manifest {
  readonly name: string;
  readonly runtime: string;
  /** `file:symbol`; null: the language's default. */
  readonly entry: string | null;
  readonly declared: SignatureHints;
  readonly contentType: ContentType | null;
  readonly per: "batch" | "row";
  readonly idempotent: boolean;
  /** null: never merged. */
  readonly batching: Batching | null;
  /** The author's `max_size`; null: not written, a request may have any number of rows. */
  readonly maxRequestRows: number | null;
  readonly instances: Instances;
  /** Glob of the golden files below the folder. */
  readonly golden: string;
  readonly limits: ModelLimits;
}

export interface ModelVersion {
  readonly name: string;
  /** A positive number, as text. */
  readonly version: string;
  /** `name/version`; identifies it everywhere. */
  readonly key: string;
  readonly folder: string;
  /** sha256 of the folder's content. */
  readonly digest: string;
  readonly manifest: Manifest;
  /** The signature that the golden files show; null without any. */
  readonly golden: SignatureHints | null;
}

/** What can be said of a version at any moment. Exactly one of these holds. */
export type VersionStatus =
  | { readonly state: "loading" }
  /** `environments`: digests of what its processes run with, of each node that has it ready; most slots first. */
  | { readonly state: "ready"; readonly signature: Signature; readonly slots: number; readonly environments: readonly string[] }
  /** It was ready and will be again: its instances are being restarted. */
  | { readonly state: "unavailable"; readonly signature: Signature | null; readonly reason: string }
  /** It cannot be loaded as it is; only a change of the model mends it. */
  | { readonly state: "failed"; readonly reason: string };

export function versionKey(name: string, version: string): string {
  return `${name}/${version}`;
}
