// Values of a Parquet page: what the library decodes, held in few bytes, and read by what the column means.
import { isUtf8 } from "node:buffer";
import type { DecodedArray, SchemaElement } from "hyparquet";
import type { ColumnType } from "../core/column.ts";
import type { ColumnValue } from "./column-value.ts";

/** Prefixes that values share make a page larger than it was. */
const MAX_BYTES = 2 ** 27;

/** Byte arrays lie one behind the other: an object for each costs a hundred bytes. */
export type PageValues = (Int32Array | BigInt64Array | Float32Array | Float64Array | Uint8Array | bigint[]) | ByteArrays;

class ByteArrays {
  readonly length: number;
  readonly bytes: Buffer;
  readonly offsets: Uint32Array;

  constructor(values: readonly Uint8Array[]) {
    this.length = values.length;
    const bytes = values.reduce((sum, { length }) => sum + length, 0);
    if (bytes > MAX_BYTES) throw new Error(`its values have ${bytes} bytes`);
    this.bytes = Buffer.concat(values);
    this.offsets = new Uint32Array(values.length + 1);
    for (let i = 0; i < values.length; i++) this.offsets[i + 1] = (this.offsets[i] as number) + (values[i] as Uint8Array).length;
  }

  get(i: number): Buffer {
    return this.bytes.subarray(this.offsets[i], this.offsets[i + 1]);
  }

  text(i: number): string {
    return this.bytes.toString("utf8", this.offsets[i], this.offsets[i + 1]);
  }
}

export function packedValues(values: DecodedArray): PageValues {
  if (!Array.isArray(values)) return values as PageValues;
  const [first] = values;
  if (first instanceof Uint8Array) return new ByteArrays(values as Uint8Array[]);
  return typeof first === "boolean" ? Uint8Array.from(values, Number) : values;
}

const MS_PER_DAY_IN_NS = 86_400_000_000_000n;
/** Of 1970, in the days that INT96 counts. */
const JULIAN_DAY = 2_440_588n;

/** Reads the i-th value. @throws Error when the column is text and the values are none. */
export function valueReader({ type: physical }: SchemaElement, type: ColumnType, values: PageValues): (i: number) => ColumnValue {
  if (values instanceof ByteArrays) return bytesReader(type, values);
  const number = (i: number): number => values[i] as number;
  const bigint = (i: number): bigint => BigInt(values[i] as number | bigint);
  switch (type.kind) {
    case "bool":
      return (i) => values[i] === 1;
    case "int":
      if (type.bits === 64) return type.signed ? bigint : (i) => BigInt.asUintN(64, bigint(i));
      // The writer has extended the sign of what is smaller.
      return type.signed ? number : (i) => number(i) >>> 0;
    case "timestamp":
      if (physical !== "INT96") return bigint;
      return (i) => ((bigint(i) >> 64n) - JULIAN_DAY) * MS_PER_DAY_IN_NS + BigInt.asUintN(64, bigint(i));
    case "time":
    case "decimal":
      return bigint;
    default:
      return number;
  }
}

function bytesReader(type: ColumnType, values: ByteArrays): (i: number) => ColumnValue {
  switch (type.kind) {
    case "text":
      if (!isUtf8(values.bytes)) throw new Error("it has text that is no UTF-8");
      return (i) => values.text(i);
    case "decimal":
      return (i) => bigEndian(values.get(i));
    case "float":
      return (i) => float16(values.get(i));
    default:
      return (i) => values.get(i);
  }
}

function bigEndian(bytes: Buffer): bigint {
  return bytes.length === 0 ? 0n : BigInt.asIntN(8 * bytes.length, BigInt(`0x${bytes.toString("hex")}`));
}

function float16(bytes: Buffer): number {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength).getFloat16(0, true);
}
