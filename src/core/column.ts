// What a column of a dataset holds, whatever file it comes from or goes to.

export type TimeUnit = "s" | "ms" | "us" | "ns";

export type ColumnType =
  /** Text of a file without types, as it stands there. */
  | { readonly kind: "cell" }
  /** A JSON value of any sort. */
  | { readonly kind: "json" }
  | { readonly kind: "null" }
  | { readonly kind: "bool" }
  | { readonly kind: "int"; readonly bits: 8 | 16 | 32 | 64; readonly signed: boolean }
  | { readonly kind: "float"; readonly bits: 16 | 32 | 64 }
  | { readonly kind: "text" }
  | { readonly kind: "bytes" }
  /** Days since 1970. */
  | { readonly kind: "date" }
  /** Since midnight. */
  | { readonly kind: "time"; readonly unit: TimeUnit }
  /** Since 1970. `zone` null: of no zone, a time as clocks show it. */
  | { readonly kind: "timestamp"; readonly unit: TimeUnit; readonly zone: string | null }
  /** A whole number of 10^-scale. */
  | { readonly kind: "decimal"; readonly precision: number; readonly scale: number }
  | { readonly kind: "list"; readonly of: ColumnType }
  /** Nothing that rows can be read from; `what` names it. */
  | { readonly kind: "other"; readonly what: string };

export interface Column {
  readonly name: string;
  readonly type: ColumnType;
}

/** In words, for errors. */
export function describeType(type: ColumnType): string {
  switch (type.kind) {
    case "int":
      return `${type.signed ? "" : "unsigned "}${type.bits}-bit integers`;
    case "float":
      return `${type.bits}-bit floats`;
    case "list":
      return `lists of ${describeType(type.of)}`;
    case "other":
      return type.what;
    default:
      return NAMES[type.kind];
  }
}

const NAMES = {
  cell: "text",
  json: "JSON",
  null: "nothing but null",
  bool: "booleans",
  text: "text",
  bytes: "bytes",
  date: "dates",
  time: "times of day",
  timestamp: "timestamps",
  decimal: "decimals",
} as const;
