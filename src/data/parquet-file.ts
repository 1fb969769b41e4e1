// Parquet: its footer, the types of its columns, and its rows, page by page, so that a row group may be of any size.
import { type FileMetaData, parquetMetadata, parquetSchema, type SchemaElement, type SchemaTree } from "hyparquet";
import type { ColumnType, TimeUnit } from "../core/column.ts";
import { IdiomError } from "../core/errors.ts";
import { type BinaryFile, openBinary } from "./binary-file.ts";
import type { ColumnValue } from "./column-value.ts";
import { type Leaf, ParquetColumn } from "./parquet-column.ts";
import type { TypedFile } from "./typed-rows.ts";

const MAGIC = "PAR1";
const ENCRYPTED_MAGIC = "PARE";
/** The length of the footer, and the magic. */
const TAIL_BYTES = 8;
/** Of some hundred thousand column chunks. */
const MAX_FOOTER_BYTES = 16 * 2 ** 20;
const BATCH_ROWS = 1024;

/** A column of the table: its only leaf, unless it is of a type that is not read. */
interface TopColumn {
  readonly name: string;
  readonly type: ColumnType;
  readonly leaf: Leaf;
}

/** Takes over the descriptor of a file. @throws IdiomError DATASET_INVALID: no Parquet file, encrypted, torn, or its footer does not hold together. */
export function openParquet(descriptor: number): TypedFile {
  return openBinary(descriptor, "Parquet", (file) => {
    const metadata = readFooter(file);
    const columns = file.guard("its schema", () => topColumns(parquetSchema(metadata)));
    const rows = metadata.row_groups.reduce((sum, { num_rows }) => sum + num_rows, 0n);
    if (rows !== metadata.num_rows) throw file.broken(`its footer counts ${metadata.num_rows} rows, and ${rows} in its row groups`);
    return {
      columns,
      rows: (wanted) =>
        rowsOf(
          file,
          metadata,
          wanted.map((i) => columns[i] as TopColumn),
        ),
      bytes: file.bytes,
      close: () => file.close(),
    };
  });
}

function readFooter(file: BinaryFile): FileMetaData {
  if (file.bytes < MAGIC.length + TAIL_BYTES || file.read(0, MAGIC.length).toString("latin1") !== MAGIC) {
    if (file.bytes >= MAGIC.length && file.read(0, MAGIC.length).toString("latin1") === ENCRYPTED_MAGIC) throw encrypted("it");
    throw file.broken("it does not begin as one");
  }
  const tail = file.read(file.bytes - TAIL_BYTES, file.bytes);
  if (tail.toString("latin1", 4) !== MAGIC) throw file.broken("it does not end as one: it is torn, or was never finished");
  const length = tail.readUInt32LE(0);
  if (length > MAX_FOOTER_BYTES) throw file.broken(`its footer claims to have ${length} bytes`);
  const footer = file.read(file.bytes - TAIL_BYTES - length, file.bytes);
  return file.guard("its footer", () => parquetMetadata(footer, { geoparquet: false }));
}

function* rowsOf(file: BinaryFile, { row_groups }: FileMetaData, wanted: readonly TopColumn[]): Generator<readonly (readonly ColumnValue[])[]> {
  for (const group of row_groups) {
    const rows = Number(group.num_rows);
    const columns = wanted.map(({ name, leaf }) => {
      const chunk = group.columns[leaf.index];
      if (chunk?.crypto_metadata !== undefined || chunk?.encrypted_column_metadata !== undefined) throw encrypted(`the column '${name}'`);
      if (chunk?.meta_data === undefined || chunk.file_path !== undefined) throw file.broken(`the column '${name}' is not in it`);
      return new ParquetColumn(file, name, leaf, chunk.meta_data, rows);
    });
    for (let row = 0; row < rows; row += BATCH_ROWS) {
      const length = Math.min(BATCH_ROWS, rows - row);
      yield Array.from({ length }, () => columns.map((column) => column.next()));
    }
    for (const column of columns) column.close();
  }
}

function encrypted(what: string): IdiomError {
  return new IdiomError("DATASET_INVALID", `${what} is encrypted, and there is no key for it here; write the file without encryption`);
}

function topColumns(root: SchemaTree): TopColumn[] {
  let index = 0;
  return root.children.map((child) => {
    const path = [root, ...pathToLeaf(child)];
    const leaf: Leaf = { index, path, type: scalarType((path.at(-1) as SchemaTree).element), ...levelsOf(path) };
    index += leavesOf(child);
    return { name: child.element.name, type: columnType(child), leaf };
  });
}

function leavesOf(node: SchemaTree): number {
  return node.children.length === 0 ? 1 : node.children.reduce((sum, child) => sum + leavesOf(child), 0);
}

function pathToLeaf(node: SchemaTree): SchemaTree[] {
  const [child] = node.children;
  return child === undefined ? [node] : [node, ...pathToLeaf(child)];
}

/** At which definition level each list has elements, and a value is there. */
function levelsOf(path: readonly SchemaTree[]): { readonly lists: readonly number[]; readonly defined: number } {
  const lists: number[] = [];
  let defined = 0;
  for (const { element } of path.slice(1)) {
    if (element.repetition_type !== "REQUIRED") defined++;
    if (element.repetition_type === "REPEATED") lists.push(defined);
  }
  return { lists, defined };
}

function columnType(node: SchemaTree): ColumnType {
  const { element, children } = node;
  const [child] = children;
  if (element.repetition_type === "REPEATED") return { kind: "list", of: child === undefined ? scalarType(element) : groupType(node) };
  if (child === undefined) return scalarType(element);
  const isList = element.converted_type === "LIST" || element.logical_type?.type === "LIST";
  if (!isList || children.length > 1 || child.element.repetition_type !== "REPEATED") return groupType(node);
  const [inner] = child.children;
  if (inner === undefined) return { kind: "list", of: scalarType(child.element) };
  return { kind: "list", of: child.children.length > 1 ? groupType(child) : columnType(inner) };
}

function groupType({ element }: SchemaTree): ColumnType {
  const isMap = element.converted_type === "MAP" || element.converted_type === "MAP_KEY_VALUE" || element.logical_type?.type === "MAP";
  return { kind: "other", what: isMap ? "maps" : "structs" };
}

const UNITS: Record<"MILLIS" | "MICROS" | "NANOS", TimeUnit> = { MILLIS: "ms", MICROS: "us", NANOS: "ns" };

function scalarType(element: SchemaElement): ColumnType {
  const { type, converted_type: converted, logical_type: logical } = element;
  if (logical?.type === "NULL") return { kind: "null" };
  if (logical?.type === "DECIMAL") return { kind: "decimal", precision: logical.precision, scale: logical.scale };
  if (converted === "DECIMAL") return { kind: "decimal", precision: element.precision ?? 0, scale: element.scale ?? 0 };
  if (logical?.type === "TIMESTAMP") return { kind: "timestamp", unit: UNITS[logical.unit], zone: logical.isAdjustedToUTC ? "UTC" : null };
  if (logical?.type === "TIME") return { kind: "time", unit: UNITS[logical.unit] };
  switch (type) {
    case "BOOLEAN":
      return { kind: "bool" };
    case "INT32":
      if (converted === "DATE" || logical?.type === "DATE") return { kind: "date" };
      if (converted === "TIME_MILLIS") return { kind: "time", unit: "ms" };
      return integerType(element, 32);
    case "INT64":
      if (converted === "TIMESTAMP_MILLIS" || converted === "TIMESTAMP_MICROS")
        return { kind: "timestamp", unit: converted === "TIMESTAMP_MILLIS" ? "ms" : "us", zone: "UTC" };
      if (converted === "TIME_MICROS") return { kind: "time", unit: "us" };
      return integerType(element, 64);
    case "INT96":
      return { kind: "timestamp", unit: "ns", zone: null };
    case "FLOAT":
      return { kind: "float", bits: 32 };
    case "DOUBLE":
      return { kind: "float", bits: 64 };
    case "BYTE_ARRAY":
      if (converted === "UTF8" || converted === "ENUM" || converted === "JSON") return { kind: "text" };
      if (logical?.type === "STRING" || logical?.type === "ENUM" || logical?.type === "JSON") return { kind: "text" };
      return { kind: "bytes" };
    case "FIXED_LEN_BYTE_ARRAY":
      if (logical?.type === "FLOAT16") return { kind: "float", bits: 16 };
      if (converted === "INTERVAL") return { kind: "other", what: "intervals" };
      return { kind: "bytes" };
    default:
      return { kind: "other", what: "values of an unknown type" };
  }
}

function integerType({ converted_type: converted, logical_type: logical }: SchemaElement, width: 32 | 64): ColumnType {
  if (logical?.type === "INTEGER") return { kind: "int", bits: logical.bitWidth as 8 | 16 | 32 | 64, signed: logical.isSigned };
  const said = /^(U?)INT_(8|16|32|64)$/.exec(converted ?? "");
  if (said === null) return { kind: "int", bits: width, signed: true };
  return { kind: "int", bits: Number(said[2]) as 8 | 16 | 32 | 64, signed: said[1] === "" };
}
