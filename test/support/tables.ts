// Tables as tests make and look at them: bytes of a file in, the values of its columns out.
import { openSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { type DataType, Table, tableToIPC, vectorFromArray } from "apache-arrow";
import { type BasicType, parquetWriteBuffer } from "hyparquet-writer";
import { describeType } from "../../src/core/column.ts";
import { openArrow } from "../../src/data/arrow-file.ts";
import type { ColumnValue } from "../../src/data/column-value.ts";
import { openParquet } from "../../src/data/parquet-file.ts";
import type { TypedFile } from "../../src/data/typed-rows.ts";
import { processFolder } from "./folders.ts";

export function parquetOf(columns: Readonly<Record<string, readonly [BasicType, readonly unknown[]]>>): Buffer {
  const columnData = Object.entries(columns).map(([name, [type, data]]) => ({ name, type, data: [...data] }));
  return Buffer.from(parquetWriteBuffer({ columnData }));
}

export function arrowOf(columns: Readonly<Record<string, readonly [DataType, readonly unknown[]]>>, type: "file" | "stream" = "file"): Uint8Array {
  return tableToIPC(new Table(Object.fromEntries(Object.entries(columns).map(([name, [of, values]]) => [name, vectorFromArray(values, of)]))), type);
}

/** By column, in the order of the rows. */
export function valuesIn(file: TypedFile): Record<string, ColumnValue[]> {
  const columns = file.columns.map((): ColumnValue[] => []);
  for (const batch of file.rows(columns.map((_, i) => i))) for (const row of batch) row.forEach((value, i) => columns[i]?.push(value));
  return Object.fromEntries(file.columns.map(({ name }, i) => [name, columns[i] as ColumnValue[]]));
}

/** The values and the types of a table's bytes. */
export function tableIn(bytes: Uint8Array): { readonly values: Record<string, ColumnValue[]>; readonly types: readonly string[] } {
  const path = join(processFolder(), "table");
  writeFileSync(path, bytes);
  const file = Buffer.from(bytes).toString("latin1", 0, 4) === "PAR1" ? openParquet(openSync(path, "r")) : openArrow(openSync(path, "r"));
  try {
    return { values: valuesIn(file), types: file.columns.map(({ type }) => describeType(type)) };
  } finally {
    file.close();
  }
}
