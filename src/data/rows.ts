// What the readers of all formats give: rows in batches, each with its values or with what is wrong with it.
import type { JsonValue } from "../core/json-tensor.ts";

/** `text`: a cell per column of the table. `values`: by name. A row that could not be parsed has neither. */
export type SourceRow =
  | CellRow
  | { readonly kind: "text"; readonly cells: readonly string[] }
  | { readonly kind: "values"; readonly values: Readonly<Record<string, JsonValue | undefined>> }
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

export interface RowSource {
  /** Names of the columns in their order; null where every row has names of its own. */
  readonly columns: readonly string[] | null;
  readonly batches: AsyncIterable<readonly SourceRow[]>;
}

/** A row of text, or of one file, that is longer than this is no row. */
export const MAX_ROW_BYTES = 4 * 2 ** 20;

export function cellText({ piece, bounds, at }: CellRow, column: number): string {
  return piece.bytes.toString("utf8", bounds[at + 2 * column], bounds[at + 2 * column + 1]);
}
