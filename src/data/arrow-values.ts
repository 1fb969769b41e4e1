// Columns of Arrow record batches: their types, and their values by row. Every place that a batch names is checked against its buffers.
import { isUtf8 } from "node:buffer";
import {
  TimeUnit as ArrowTimeUnit,
  type Data,
  DataType,
  DateUnit,
  type Dictionary,
  type FixedSizeBinary,
  type FixedSizeList,
  Precision,
  Vector,
} from "apache-arrow";
import type { ColumnType, TimeUnit } from "../core/column.ts";
import type { ColumnValue } from "./column-value.ts";

const UNITS: Record<ArrowTimeUnit, TimeUnit> = {
  [ArrowTimeUnit.SECOND]: "s",
  [ArrowTimeUnit.MILLISECOND]: "ms",
  [ArrowTimeUnit.MICROSECOND]: "us",
  [ArrowTimeUnit.NANOSECOND]: "ns",
};
const FLOAT_BITS = { [Precision.HALF]: 16, [Precision.SINGLE]: 32, [Precision.DOUBLE]: 64 } as const;
const MS_PER_DAY = 86_400_000n;

/** Categories are what they stand for. */
export function arrowColumnType(type: DataType): ColumnType {
  if (DataType.isDictionary(type)) return arrowColumnType(type.dictionary as DataType);
  if (DataType.isNull(type)) return { kind: "null" };
  if (DataType.isBool(type)) return { kind: "bool" };
  if (DataType.isInt(type)) return { kind: "int", bits: type.bitWidth, signed: type.isSigned };
  if (DataType.isFloat(type)) return { kind: "float", bits: FLOAT_BITS[type.precision] };
  if (DataType.isUtf8(type) || DataType.isLargeUtf8(type) || DataType.isUtf8View(type)) return { kind: "text" };
  if (DataType.isBinary(type) || DataType.isLargeBinary(type) || DataType.isBinaryView(type) || DataType.isFixedSizeBinary(type)) return { kind: "bytes" };
  if (DataType.isDate(type)) return { kind: "date" };
  if (DataType.isTime(type)) return { kind: "time", unit: UNITS[type.unit] };
  if (DataType.isTimestamp(type)) return { kind: "timestamp", unit: UNITS[type.unit], zone: type.timezone ?? null };
  if (DataType.isDecimal(type)) return { kind: "decimal", precision: type.precision, scale: type.scale };
  if (DataType.isList(type) || DataType.isLargeList(type) || DataType.isFixedSizeList(type)) return { kind: "list", of: arrowColumnType(type.valueType) };
  return { kind: "other", what: DataType.isStruct(type) ? "structs" : DataType.isMap(type) ? "maps" : `values of the type ${type}` };
}

/** Reads the i-th of `length` values. @throws Error when the buffers hold fewer. */
export function arrowReader(data: Data, length: number): (i: number) => ColumnValue {
  if (data.length !== length) throw new Error(`a column of it has ${data.length} values for ${length} rows`);
  const { nullBitmap } = data;
  const read = DataType.isNull(data.type) ? () => null : valueReader(data, length);
  if (nullBitmap === undefined || nullBitmap.length === 0) return read;
  need(8 * nullBitmap.length, length);
  return (i) => (isSet(nullBitmap, i) ? read(i) : null);
}

function valueReader(data: Data, length: number): (i: number) => ColumnValue {
  const { type } = data;
  const values = data.values as ArrayLike<number | bigint>;
  const each = (per = 1): void => need(values.length, per * length);
  if (DataType.isDictionary(type)) return dictionaryReader(data, length);
  if (DataType.isList(type) || DataType.isLargeList(type) || DataType.isFixedSizeList(type)) return listReader(data, length);
  if (DataType.isUtf8View(type) || DataType.isBinaryView(type)) return viewReader(data);
  if (DataType.isUtf8(type) || DataType.isLargeUtf8(type)) return textReader(data, length);
  if (DataType.isBinary(type) || DataType.isLargeBinary(type)) {
    const { bytes, at } = sliced(data, length);
    return (i) => bytes.subarray(at(i), at(i + 1));
  }
  if (DataType.isBool(type)) {
    need(8 * values.length, length);
    return (i) => isSet(values as Uint8Array, i);
  }
  if (DataType.isFixedSizeBinary(type)) {
    const { byteWidth } = type as FixedSizeBinary;
    each(byteWidth);
    return (i) => (values as Uint8Array).subarray(i * byteWidth, (i + 1) * byteWidth);
  }
  if (DataType.isDecimal(type)) {
    const words = type.bitWidth / 32;
    each(words);
    return (i) => littleEndian(values as Uint32Array, i * words, words);
  }
  each();
  if (DataType.isFloat(type) && type.precision === Precision.HALF) {
    const { buffer, byteOffset } = values as Uint16Array;
    const halves = new Float16Array(buffer, byteOffset, values.length);
    return (i) => halves[i] as number;
  }
  if (DataType.isTime(type) || DataType.isTimestamp(type)) return (i) => BigInt(values[i] as number | bigint);
  if (DataType.isDate(type) && type.unit === DateUnit.MILLISECOND) return (i) => Number((values[i] as bigint) / MS_PER_DAY);
  return (i) => values[i] as number | bigint;
}

/** The bytes of texts or of elements, and where the i-th begins. */
function sliced(data: Data, length: number): { readonly bytes: Uint8Array; readonly at: (i: number) => number } {
  const { values, valueOffsets } = data as { readonly values: Uint8Array; readonly valueOffsets: ArrayLike<number | bigint> };
  return { bytes: values, at: checkedOffsets(valueOffsets, length, values.length) };
}

function checkedOffsets(offsets: ArrayLike<number | bigint>, length: number, end: number): (i: number) => number {
  if (length === 0) return () => 0;
  need(offsets.length, length + 1);
  for (let i = 0, before = 0; i <= length; i++) {
    const offset = Number(offsets[i]);
    if (offset < before || offset > end) throw new Error("it names bytes behind its end");
    before = offset;
  }
  return (i) => Number(offsets[i]);
}

function textReader(data: Data, length: number): (i: number) => ColumnValue {
  const { bytes, at } = sliced(data, length);
  if (!isUtf8(bytes.subarray(at(0), at(length)))) throw new Error("it has text that is no UTF-8");
  const text = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
  return (i) => text.toString("utf8", at(i), at(i + 1));
}

/** A value of up to twelve bytes stands in its view, a longer one where that says. */
function viewReader(data: Data): (i: number) => ColumnValue {
  const vector = new Vector([data]);
  return (i) => vector.get(i) as string | Uint8Array;
}

function listReader(data: Data, length: number): (i: number) => ColumnValue {
  const child = data.children[0] as Data;
  const read = arrowReader(child, child.length);
  const { type, valueOffsets } = data;
  const listSize = DataType.isFixedSizeList(type) ? (type as FixedSizeList).listSize : null;
  if (listSize !== null) need(child.length, listSize * length);
  const at = listSize === null ? checkedOffsets(valueOffsets as ArrayLike<number | bigint>, length, child.length) : (i: number): number => i * listSize;
  return (i) => {
    const from = at(i);
    return Array.from({ length: at(i + 1) - from }, (_, element) => read(from + element));
  };
}

/** A dictionary that has grown has several parts. */
function dictionaryReader(data: Data, length: number): (i: number) => ColumnValue {
  const indexes = data.values as ArrayLike<number | bigint>;
  need(indexes.length, length);
  const { dictionary } = data as Data<Dictionary>;
  if (dictionary === undefined) throw new Error("a column of it has categories that never came");
  const parts = dictionary.data.map((part) => ({ length: part.length, read: arrowReader(part, part.length) }));
  return (i) => {
    let index = Number(indexes[i]);
    for (const part of parts) {
      if (index >= 0 && index < part.length) return part.read(index);
      index -= part.length;
    }
    throw new Error(`its row ${i} names a category that is not there`);
  };
}

function littleEndian(words: Uint32Array, at: number, count: number): bigint {
  let value = 0n;
  for (let i = count - 1; i >= 0; i--) value = (value << 32n) | BigInt(words[at + i] as number);
  return BigInt.asIntN(32 * count, value);
}

function isSet(bits: Uint8Array, i: number): boolean {
  return (((bits[i >> 3] as number) >> (i & 7)) & 1) === 1;
}

function need(there: number, wanted: number): void {
  if (!(there >= wanted)) throw new Error("it has fewer values than it says");
}
