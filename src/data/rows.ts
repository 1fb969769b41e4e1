// What the readers of all formats give: rows in batches, each with its values or with what is wrong with it.
import type { Column } from "../core/column.ts";
import type { JsonValue } from "../core/json-tensor.ts";
import type { ColumnValue } from "./column-value.ts";

/** `text`: a cell per column of the table. `values`: by name. `typed`: as its table says. A row that could not be parsed has none. */
export type SourceRow =
  | CellRow
  | { readonly kind: "text"; readonly cells: readonly string[] }
  | { readonly kind: "values"; readonly values: Readonly<Record<string, JsonValue | undefined>> }
  | TypedRow
  | { readonly kind: "broken"; readonly cause: string; readonly data: unknown };

/** Some of the bytes of a file of text. */
export class Piece {
  readonly bytes: Buffer;
  #characters: string | null = null;

  constructor(bytes: Buffer) {
    this.bytes = bytes;
  }

  /** The text of ASCII bytes [from, to). Of a text that holds all of the piece, a part costs half of what one made from the bytes does. */
  ascii(from: number, to: number): string {
    this.#characters ??= this.bytes.toString("latin1");
    return this.#characters.slice(from, to);
  }
}

/**
 * A row of text that still lies in the bytes of its file, UTF-8: its first cell is [bounds[at], bounds[at + 1]), the next one comes behind.
 * Good until the next batch is asked for.
 */
export interface CellRow {
  readonly kind: "cells";
  readonly piece: Piece;
  readonly bounds: Uint32Array;
  readonly at: number;
}

/** A row of a file whose columns have types. */
export interface TypedRow {
  readonly kind: "typed";
  readonly values: readonly ColumnValue[];
  readonly table: TypedTable;
}

/** What rows of a typed file are to a job. */
export interface TypedTable {
  /** The value for the i-th input; null: it is missing. */
  input(values: readonly ColumnValue[], i: number): InputValue;
  /** What is kept, for the spool. */
  kept(values: readonly ColumnValue[]): JsonValue[];
  /** The row as a reader wants to see it. */
  shown(values: readonly ColumnValue[]): Readonly<Record<string, JsonValue>>;
}

/** Bytes are an element of BYTES as it is. */
export type InputValue = JsonValue | Uint8Array;

export interface RowSource {
  /** In their order; null where every row has names of its own. */
  readonly columns: readonly Column[] | null;
  readonly batches: AsyncIterable<readonly SourceRow[]>;
}

/** A row of text, or of one file, that is longer than this is no row. */
export const MAX_ROW_BYTES = 4 * 2 ** 20;

export function cellText({ piece, bounds, at }: CellRow, column: number): string {
  return piece.bytes.toString("utf8", bounds[at + 2 * column], bounds[at + 2 * column + 1]);
}
