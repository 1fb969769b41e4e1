// Rows of a file whose columns have types: each input takes what its data type can hold without loss of meaning, all else is refused
// before the first row.
import { valueOfCell } from "../core/cell.ts";
import { type Column, type ColumnType, describeType } from "../core/column.ts";
import { IdiomError } from "../core/errors.ts";
import type { TensorSpec } from "../core/signature.ts";
import { type ColumnValue, narrow, shownValue, spooledValue } from "./column-value.ts";
import { type InputValue, MAX_ROW_BYTES, type RowSource, type SourceRow, type TypedTable } from "./rows.ts";
import { csvCell } from "./text-output.ts";

/** A file with typed columns. */
export interface TypedFile {
  readonly columns: readonly Column[];
  readonly bytes: number;
  /** Its rows in batches, each row with the values of these columns, by their position. @throws IdiomError DATASET_INVALID */
  rows(wanted: readonly number[]): Iterable<readonly (readonly ColumnValue[])[]>;
  close(): void;
}

/** @throws IdiomError DATASET_INVALID: a column twice; and between the rows, what the file throws. */
export function typedRows(file: TypedFile, inputs: readonly TensorSpec[], keep: "all" | readonly string[]): RowSource {
  const { columns } = file;
  const twice = columns.find(({ name }, i) => columns.findIndex((other) => other.name === name) !== i);
  if (twice !== undefined) throw new IdiomError("DATASET_INVALID", `the column '${twice.name}' is there twice`);
  return { columns, batches: batchesOf(file, inputs, keep) };
}

/** Runs once the columns are known to be there. */
async function* batchesOf(file: TypedFile, inputs: readonly TensorSpec[], keep: "all" | readonly string[]): AsyncGenerator<readonly SourceRow[], void, void> {
  const { columns } = file;
  const named = (name: string): Column => columns.find((column) => column.name === name) as Column;
  const inputColumns = inputs.map(({ name }) => named(name));
  const kept = keep === "all" ? columns : keep.map(named);
  for (const { name, type } of kept)
    if (isOther(type))
      throw new IdiomError("DATASET_INVALID", `the column '${name}' holds ${describeType(type)}, which cannot be kept; name the columns to keep`);
  const wanted = [...new Set([...inputColumns, ...kept])];
  const placeOf = (column: Column): number => wanted.indexOf(column);
  const taken = inputColumns.map(({ type }, i) => ({ place: placeOf(inputColumns[i] as Column), convert: converter(type, inputs[i] as TensorSpec) }));
  const keptPlaces = kept.map(placeOf);
  const table: TypedTable = {
    input: (values, i) => {
      const { place, convert } = taken[i] as (typeof taken)[number];
      return convert(values[place] as ColumnValue);
    },
    kept: (values) => keptPlaces.map((place) => spooledValue(values[place] as ColumnValue)),
    shown: (values) => Object.fromEntries(wanted.map(({ name, type }, place) => [name, shownValue(type, values[place] as ColumnValue)])),
  };
  for (const batch of file.rows(wanted.map((column) => columns.indexOf(column))))
    yield batch.map((values) => {
      const long = values.findIndex((value) => (typeof value === "string" || value instanceof Uint8Array) && value.length > MAX_ROW_BYTES);
      if (long >= 0) throw new IdiomError("DATASET_INVALID", `the column '${wanted[long]?.name}' has a value of more than ${MAX_ROW_BYTES / 2 ** 20} MiB`);
      return { kind: "typed", values, table };
    });
}

function isOther(type: ColumnType): boolean {
  return type.kind === "list" ? isOther(type.of) : type.kind === "other";
}

/** Values of the column as an input takes them; null stays null. */
function converter(type: ColumnType, spec: TensorSpec): (value: ColumnValue) => InputValue {
  const convert = type.kind === "list" ? converter(type.of, spec) : scalarConverter(type, spec);
  if (type.kind !== "list") return (value) => (value === null ? null : convert(value));
  return (value) => (value === null ? null : (value as readonly ColumnValue[]).map((element) => convert(element) as Exclude<InputValue, Uint8Array>));
}

function scalarConverter(type: ColumnType, { name, datatype }: TensorSpec): (value: ColumnValue) => InputValue {
  if (type.kind === "null") return () => null;
  if (datatype === "BYTES" && type.kind !== "other") {
    if (type.kind === "text" || type.kind === "bytes") return (value) => value as InputValue;
    return (value) => csvCell(shownValue(type, value));
  }
  const isFloat = datatype.startsWith("FP") || datatype === "BF16";
  switch (type.kind) {
    case "bool":
      if (datatype === "BOOL") return (value) => value as boolean;
      break;
    case "int":
      if (type.bits < 64 || datatype === "INT64" || datatype === "UINT64" || isFloat) return (value) => value as number | bigint;
      return (value) => narrow(value as bigint);
    case "float":
      if (datatype !== "BOOL") return (value) => (Number.isFinite(value) ? (value as number) : String(value));
      break;
    case "decimal":
      // A fraction where the input is whole stays text, which no integer takes.
      if (datatype !== "BOOL") return (value) => decimalOf(shownValue(type, value) as string, datatype);
      break;
  }
  throw new IdiomError(
    "DATASET_INVALID",
    `the column '${name}' holds ${describeType(type)}, and the model takes ${datatype} there; write the file with a column that does`,
  );
}

function decimalOf(text: string, datatype: TensorSpec["datatype"]): InputValue {
  return valueOfCell(text, { datatype, na: null, list: false }) ?? text;
}
