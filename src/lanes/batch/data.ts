// What the batch lane needs of datasets and of models. It knows neither files nor the registry: roles hands them in.
import type { Column } from "../../core/column.ts";
import type { ErrorCode } from "../../core/errors.ts";
import type { Compression, DataFormat } from "../../core/job.ts";
import type { ModelVersion } from "../../core/model.ts";
import type { Signature, TensorSpec } from "../../core/signature.ts";
import type { Tensor } from "../../core/tensor.ts";

/** Where some consecutive rows lie in a job's folder. Rows are counted from 0, broken ones among them. */
export interface BlockPlace {
  readonly file: string;
  readonly offset: number;
  readonly bytes: number;
  readonly firstRow: number;
  readonly rows: number;
}

/** Rows read back. Those that are not broken have places, from 0. */
export interface RowBlock {
  /** The places of the source rows [from, to). */
  places(from: number, to: number): { readonly from: number; readonly to: number };
  /** One tensor per input for the places [from, to). */
  tensors(from: number, to: number, shapeOf: (rowShape: readonly number[], input: number) => readonly number[]): readonly Tensor[];
  /** Nobody looks at its tensors any more. */
  release(): void;
}

export interface FailedRow {
  readonly place: number;
  readonly code: ErrorCode;
  readonly cause: string;
}

/** What the model answered for the source rows [fromRow, toRow) of a block, without those that failed. */
export interface BlockAnswer {
  readonly block: BlockPlace;
  readonly fromRow: number;
  readonly toRow: number;
  readonly failed: readonly FailedRow[];
  readonly outputs: RowOutputs;
}

/** `rows`: one tensor per output for all rows, whose bytes nobody else has. `calls`: the tensors of each row's own call. */
export type RowOutputs =
  | { readonly kind: "rows"; readonly tensors: readonly Tensor[] }
  | { readonly kind: "calls"; readonly calls: readonly (readonly Tensor[])[] };

interface FileFormat {
  readonly format: DataFormat;
  readonly compression: Compression;
}

/** A file or an object, and its tag when it was named: other content is an error. Null: it has none. */
export interface JobSource {
  readonly path: string;
  readonly tag: string | null;
}

/** `path`: of a file or an object. `fence`: number of the lease under which it is written. `folder`: the job's. */
export interface JobTarget {
  readonly path: string;
  readonly job: string;
  readonly fence: number;
  readonly folder: string;
}

/** The places that jobs may name. Errors: PATH_NOT_ALLOWED, INVALID_REQUEST, DATASET_INVALID, STORAGE_UNAVAILABLE, STORAGE_REFUSED. */
export interface JobPlaces {
  /** What to read there, looked at now. */
  readable(path: string): Promise<JobSource>;
  /** Where to write, tried now. */
  writable(path: string): Promise<string>;
  /** The bytes that are there now. */
  read(path: string): Promise<AsyncIterable<Uint8Array>>;
}

/** Reading and writing datasets. Errors: DATASET_INVALID, STORAGE_UNAVAILABLE, STORAGE_REFUSED. */
export interface JobData {
  read(
    task: {
      readonly source: JobSource;
      readonly format: FileFormat;
      readonly folder: string;
      readonly spool: string;
      readonly skipRows: number;
      readonly model: string;
      readonly inputs: readonly TensorSpec[];
      readonly merged: boolean;
      readonly keep: "all" | readonly string[];
      /** Names that no kept column may have. */
      readonly taken: readonly string[];
    },
    progress: (progress: { readonly place: BlockPlace; readonly keptColumns: readonly Column[] | null }) => void,
    signal: AbortSignal,
  ): Promise<{ readonly rows: number; readonly keptColumns: readonly Column[] | null }>;
  block(folder: string, place: BlockPlace): Promise<RowBlock>;
  write(task: {
    readonly folder: string;
    readonly part: string;
    readonly errors: string;
    readonly format: FileFormat;
    readonly inputNames: readonly string[];
    readonly outputNames: readonly string[];
    readonly keptColumns: readonly Column[] | null;
    readonly answers: readonly BlockAnswer[];
  }): Promise<{ readonly bytes: number; readonly failedRows: number; readonly failedByModel: number }>;
  join(
    task: {
      readonly format: FileFormat;
      readonly kept: readonly Column[];
      readonly outputs: readonly TensorSpec[];
      readonly merged: boolean;
      readonly parts: readonly string[];
      readonly target: JobTarget;
    },
    signal: AbortSignal,
  ): Promise<void>;
  /** Ends what was begun at this target under this lease or earlier ones and not published, if that can be done now. */
  discard(target: JobTarget): Promise<void>;
}

/** A version that answers calls, or would. */
export interface ServingVersion {
  readonly version: ModelVersion;
  readonly signature: Signature;
  readonly slots: number;
  /** Digests of what it runs with, on any node; a new job gets the first. */
  readonly environments: readonly string[];
}

/** The version that a job was submitted for, with the environment that it was submitted for. */
export type PinnedVersion = Omit<ServingVersion, "environments"> & { readonly environment: string };

/** What there is under a name and version now. `why`: what a job has to wait for. */
export type FoundVersion = { readonly ok: true; readonly serving: ServingVersion } | { readonly ok: false; readonly why: string };

/** `version` "": the newest that is ready. @throws IdiomError MODEL_NOT_FOUND */
export type FindVersion = (name: string, version: string) => FoundVersion;
