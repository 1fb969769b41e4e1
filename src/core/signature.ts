// The signature of a model version: names, data types and shapes of what goes in and comes out.
import type { ContentType, Datatype } from "./datatype.ts";

export interface TensorSpec {
  readonly name: string;
  readonly datatype: Datatype;
  /** Includes the batch dimension if there is one; -1 is free. */
  readonly shape: readonly number[];
  readonly contentType: ContentType | null;
  /** The value that stands for a missing one. */
  readonly na: string | number | boolean | null;
  /** The labels of a categorical BYTES column. */
  readonly levels: readonly string[] | null;
}

export interface Signature {
  readonly inputs: readonly TensorSpec[];
  readonly outputs: readonly TensorSpec[];
}

/** What one source knows of a tensor; null where it knows nothing. */
export type TensorHint = { readonly name: string } & { readonly [K in Exclude<keyof TensorSpec, "name">]: TensorSpec[K] | null };

export interface SignatureHints {
  readonly inputs: readonly TensorHint[] | null;
  readonly outputs: readonly TensorHint[] | null;
}

/** Whether `shape` is an instance of `declared`; [n] and [n,1] are accepted for each other. */
export function shapeFits(declared: readonly number[], shape: readonly number[]): boolean {
  if (declared.length === shape.length) {
    for (let i = 0; i < declared.length; i++) {
      if (declared[i] !== -1 && declared[i] !== shape[i]) return false;
    }
    return true;
  }
  const [short, long] = declared.length < shape.length ? [declared, shape] : [shape, declared];
  if (short.length !== 1 || long.length !== 2) return false;
  return (long[1] === 1 || long[1] === -1) && (declared[0] === -1 || declared[0] === shape[0]);
}

/**
 * The shape of an input that holds `rows` rows whose values have `rowShape`. `rows` null: a call is one row, and its value may also be
 * the whole tensor. Null: such values do not fit.
 */
export function rowsShape({ shape }: TensorSpec, rowShape: readonly number[], rows: number | null): readonly number[] | null {
  const withRows = [rows ?? 1, ...rowShape];
  if (shapeFits(shape, withRows)) return withRows;
  return rows === null && shapeFits(shape, rowShape) ? rowShape : null;
}

export function formatShape(shape: readonly number[]): string {
  return `[${shape.join(",")}]`;
}
