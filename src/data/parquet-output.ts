// Writes Parquet: each group of rows is a row group, its pages are packed with snappy.
import type { DecodedArray, SchemaElement } from "hyparquet";
import { ByteWriter, ParquetWriter } from "hyparquet-writer";
import type { Column, ColumnType, TimeUnit } from "../core/column.ts";
import { stringifyExact } from "../core/json-tensor.ts";
import type { ColumnValue } from "./column-value.ts";
import type { ColumnValues } from "./output-column.ts";
import type { TableEncoder } from "./table-join.ts";

export class ParquetEncoder implements TableEncoder {
  readonly #columns: readonly Column[];
  readonly #bytes = new TakenBytes();
  readonly #writer: ParquetWriter;

  constructor(columns: readonly Column[]) {
    this.#columns = columns;
    const schema = [{ name: "schema", num_children: columns.length }, ...columns.flatMap(({ name, type }) => elementsOf(name, type))];
    this.#writer = new ParquetWriter({ writer: this.#bytes, schema, createdBy: "idiom" });
  }

  encode(columns: readonly ColumnValues[], rows: number): Uint8Array[] {
    const columnData = columns.map((values, i) => {
      const { name, type } = this.#columns[i] as Column;
      // A dictionary would take -0 for 0.
      const encoding = innermost(type).kind === "float" ? ({ encoding: "PLAIN" } as const) : {};
      return {
        name,
        data: Array.isArray(values) ? values.map(converter(type)) : numbers(type, values as Exclude<ColumnValues, readonly ColumnValue[]>),
        ...encoding,
      };
    });
    this.#writer.write({ columnData, rowGroupSize: rows });
    return [this.#bytes.take()];
  }

  finish(): Uint8Array[] {
    this.#writer.finish();
    return [this.#bytes.take()];
  }
}

class TakenBytes extends ByteWriter {
  /** What was written since the last time. */
  take(): Uint8Array {
    const bytes = this.getBytes();
    this.index = 0;
    return bytes;
  }
}

const UNITS: Record<TimeUnit, "MILLIS" | "MICROS" | "NANOS"> = { s: "MILLIS", ms: "MILLIS", us: "MICROS", ns: "NANOS" };

/** The element of the schema, and those within it. */
function elementsOf(name: string, type: ColumnType): SchemaElement[] {
  if (type.kind !== "list") return [{ name, repetition_type: "OPTIONAL", ...scalarElement(type) }];
  return [
    { name, repetition_type: "OPTIONAL", converted_type: "LIST", logical_type: { type: "LIST" }, num_children: 1 },
    { name: "list", repetition_type: "REPEATED", num_children: 1 },
    ...elementsOf("element", type.of),
  ];
}

function scalarElement(type: Exclude<ColumnType, { kind: "list" }>): Omit<SchemaElement, "name" | "repetition_type"> {
  switch (type.kind) {
    case "bool":
      return { type: "BOOLEAN" };
    case "int":
      return integerElement(type.bits, type.signed);
    case "float":
      if (type.bits === 16) return { type: "FIXED_LEN_BYTE_ARRAY", type_length: 2, logical_type: { type: "FLOAT16" } };
      return { type: type.bits === 32 ? "FLOAT" : "DOUBLE" };
    case "bytes":
      return { type: "BYTE_ARRAY" };
    case "date":
      return { type: "INT32", converted_type: "DATE", logical_type: { type: "DATE" } };
    case "time":
      return { type: UNITS[type.unit] === "MILLIS" ? "INT32" : "INT64", logical_type: { type: "TIME", isAdjustedToUTC: false, unit: UNITS[type.unit] } };
    case "timestamp":
      return { type: "INT64", logical_type: { type: "TIMESTAMP", isAdjustedToUTC: type.zone !== null, unit: UNITS[type.unit] } };
    case "decimal":
      return decimalElement(type.precision, type.scale);
    default:
      return { type: "BYTE_ARRAY", converted_type: "UTF8", logical_type: { type: "STRING" } };
  }
}

function integerElement(bits: 8 | 16 | 32 | 64, signed: boolean): Omit<SchemaElement, "name"> {
  const type = bits === 64 ? "INT64" : "INT32";
  if (signed && bits >= 32) return { type };
  return { type, converted_type: `${signed ? "" : "U"}INT_${bits}` };
}

function decimalElement(precision: number, scale: number): Omit<SchemaElement, "name"> {
  const decimal = { converted_type: "DECIMAL", logical_type: { type: "DECIMAL", precision, scale }, precision, scale } as const;
  return { type: "FIXED_LEN_BYTE_ARRAY", type_length: precision <= 38 ? 16 : 32, ...decimal };
}

function innermost(type: ColumnType): ColumnType {
  return type.kind === "list" ? innermost(type.of) : type;
}

/** Values as the writer takes them. */
function converter(type: ColumnType): (value: ColumnValue) => ColumnValue {
  switch (type.kind) {
    case "list": {
      const convert = converter(type.of);
      return (value) => (value === null ? null : (value as readonly ColumnValue[]).map(convert));
    }
    case "time":
      if (type.unit === "s") return (value) => (value === null ? null : Number(value) * 1000);
      return type.unit === "ms" ? (value) => (value === null ? null : Number(value)) : (value) => value;
    case "timestamp":
      return type.unit === "s" ? (value) => (value === null ? null : (value as bigint) * 1000n) : (value) => value;
    case "json":
      return (value) => (value === null || typeof value === "string" ? value : stringifyExact(value));
    default:
      return (value) => value;
  }
}

/** 32 unsigned bits and 16 of a float the writer knows only one by one. */
function numbers(type: ColumnType, values: Exclude<ColumnValues, readonly ColumnValue[]>): DecodedArray {
  const isForeign = values instanceof Uint32Array || values instanceof Float16Array || (type.kind === "int" && type.bits < 32);
  return isForeign ? Array.from(values as ArrayLike<number>) : (values as DecodedArray);
}
