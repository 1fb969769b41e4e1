// What the readers of all formats give: rows in batches, each with its values or with what is wrong with it.
import type { JsonValue } from "../core/json-tensor.ts";

/** `text`: a cell per column of the table. `values`: by name. A row that could not be parsed has neither. */
export type SourceRow =
  | { readonly kind: "text"; readonly cells: readonly string[] }
  | { readonly kind: "values"; readonly values: Readonly<Record<string, JsonValue | undefined>> }
  | { readonly kind: "broken"; readonly cause: string; readonly data: unknown };

export interface RowSource {
  /** Names of the columns in their order; null where every row has names of its own. */
  readonly columns: readonly string[] | null;
  readonly batches: AsyncIterable<readonly SourceRow[]>;
}

/** A row of text, or of one file, that is longer than this is no row. */
export const MAX_ROW_BYTES = 4 * 2 ** 20;
