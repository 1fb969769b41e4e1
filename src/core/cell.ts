// The text of a cell of a table as a value of a data type. Tables come from R, pandas and spreadsheets: each writes numbers its own way.
import type { Datatype } from "./datatype.ts";
import { type JsonValue, parseJsonExact } from "./json-tensor.ts";

/** What a value is read for. `na`: the value that stands for a missing one; null: there is none. */
export interface CellSpec {
  readonly datatype: Datatype;
  readonly na: string | number | boolean | null;
  /** Whether text that begins with [ is a list, written as JSON; numbers take one in any case. */
  readonly list: boolean;
}

/** The value of a cell, for an ElementWriter; undefined when the text is none. An empty cell is a missing value. */
export function valueOfCell(text: string, spec: CellSpec): JsonValue | undefined {
  if (text === "") return missing(spec);
  if (text.startsWith("[") && (spec.list || spec.datatype !== "BYTES")) return listOf(text);
  switch (spec.datatype) {
    case "BYTES":
      return text;
    case "BOOL":
      return BOOLEANS.get(text.trim().toLowerCase());
    case "FP64":
    case "FP32":
    case "FP16":
    case "BF16":
      return floatOf(text);
    default:
      return integerOf(text);
  }
}

/** What stands for a missing value; undefined: nothing does. Without `na`, NaN does for floats and the empty text for text in a cell. */
export function missing({ datatype, na }: CellSpec): JsonValue | undefined {
  if (na !== null) return na;
  if (datatype === "BYTES") return "";
  return datatype.startsWith("FP") || datatype === "BF16" ? "NaN" : undefined;
}

const BOOLEANS = new Map<string, boolean>([
  ["true", true],
  ["t", true],
  ["1", true],
  ["false", false],
  ["f", false],
  ["0", false],
]);

const NAMED: ReadonlyMap<string, number> = new Map([
  ["nan", Number.NaN],
  ["na", Number.NaN],
  ["inf", Number.POSITIVE_INFINITY],
  ["+inf", Number.POSITIVE_INFINITY],
  ["-inf", Number.NEGATIVE_INFINITY],
  ["infinity", Number.POSITIVE_INFINITY],
  ["+infinity", Number.POSITIVE_INFINITY],
  ["-infinity", Number.NEGATIVE_INFINITY],
]);

const DECIMAL = /^\s*[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?\s*$/;
const INTEGER = /^\s*([+-]?\d+)(?:\.0*)?\s*$/;

function floatOf(text: string): number | undefined {
  return DECIMAL.test(text) ? Number(text) : NAMED.get(text.trim().toLowerCase());
}

/** pandas writes the integers of a column with gaps as 3.0. */
function integerOf(text: string): number | bigint | undefined {
  const digits = INTEGER.exec(text)?.[1];
  if (digits === undefined) return undefined;
  const number = Number(digits);
  return Number.isSafeInteger(number) ? number : BigInt(digits.replace("+", ""));
}

function listOf(text: string): JsonValue | undefined {
  try {
    const value = parseJsonExact(text);
    return Array.isArray(value) ? (value as JsonValue) : undefined;
  } catch {
    return undefined;
  }
}
