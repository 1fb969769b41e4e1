// Writes Arrow IPC, as a file or as a stream: each group of rows is a record batch.
import {
  TimeUnit as ArrowTimeUnit,
  AsyncByteQueue,
  Binary,
  Bool,
  type Data,
  type DataType,
  DateDay,
  Decimal,
  Field,
  Float,
  Int,
  List,
  makeData,
  Null,
  Precision,
  RecordBatch,
  RecordBatchFileWriter,
  RecordBatchStreamWriter,
  type RecordBatchWriter,
  Schema,
  Struct,
  TimeMicrosecond,
  TimeMillisecond,
  TimeNanosecond,
  TimeSecond,
  Timestamp,
  Utf8,
} from "apache-arrow";
import type { Column, ColumnType, TimeUnit } from "../core/column.ts";
import { stringifyExact } from "../core/json-tensor.ts";
import type { ColumnValue } from "./column-value.ts";
import type { ColumnValues, NumberArray } from "./output-column.ts";
import type { TableEncoder } from "./table-join.ts";

export class ArrowEncoder implements TableEncoder {
  readonly #columns: readonly Column[];
  readonly #schema: Schema;
  readonly #bytes = new TakenBytes();
  readonly #writer: RecordBatchWriter;

  constructor(columns: readonly Column[], asStream: boolean) {
    this.#columns = columns;
    this.#schema = new Schema(columns.map(({ name, type }) => new Field(name, arrowType(type), true)));
    this.#writer = asStream ? new RecordBatchStreamWriter() : new RecordBatchFileWriter();
    this.#writer.reset(this.#bytes, this.#schema);
  }

  encode(columns: readonly ColumnValues[], rows: number): Uint8Array[] {
    const children = columns.map((values, i) => arrowData((this.#columns[i] as Column).type, values));
    this.#writer.write(new RecordBatch(this.#schema, makeData({ type: new Struct(this.#schema.fields), length: rows, nullCount: 0, children })));
    return this.#bytes.take();
  }

  finish(): Uint8Array[] {
    this.#writer.finish();
    return this.#bytes.take();
  }
}

class TakenBytes extends AsyncByteQueue {
  #pieces: Uint8Array[] = [];

  override write(bytes: Uint8Array): void {
    this.#pieces.push(bytes);
  }

  /** What was written since the last time. */
  take(): Uint8Array[] {
    const pieces = this.#pieces;
    this.#pieces = [];
    return pieces;
  }
}

const UNITS: Record<TimeUnit, ArrowTimeUnit> = {
  s: ArrowTimeUnit.SECOND,
  ms: ArrowTimeUnit.MILLISECOND,
  us: ArrowTimeUnit.MICROSECOND,
  ns: ArrowTimeUnit.NANOSECOND,
};
const TIMES = { s: TimeSecond, ms: TimeMillisecond, us: TimeMicrosecond, ns: TimeNanosecond } as const;
const PRECISIONS = { 16: Precision.HALF, 32: Precision.SINGLE, 64: Precision.DOUBLE } as const;

function arrowType(type: ColumnType): DataType {
  switch (type.kind) {
    case "null":
      return new Null();
    case "bool":
      return new Bool();
    case "int":
      return new Int(type.signed, type.bits);
    case "float":
      return new Float(PRECISIONS[type.bits]);
    case "bytes":
      return new Binary();
    case "date":
      return new DateDay();
    case "time":
      return new TIMES[type.unit]();
    case "timestamp":
      return new Timestamp(UNITS[type.unit], type.zone);
    case "decimal":
      return new Decimal(type.scale, type.precision, decimalWords(type.precision) * 32);
    case "list":
      return new List(new Field("item", arrowType(type.of), true));
    default:
      return new Utf8();
  }
}

function arrowData(type: ColumnType, values: ColumnValues): Data {
  const data = (props: object): Data => makeData({ type: arrowType(type), length: values.length, ...props } as Parameters<typeof makeData>[0]);
  if (ArrayBuffer.isView(values)) return data({ nullCount: 0, data: bitsOf(values) });
  const nulls = { nullCount: values.filter((value) => value === null).length, nullBitmap: bits(values, (value) => value !== null) };
  switch (type.kind) {
    case "null":
      return data({});
    case "bool":
      return data({ ...nulls, data: bits(values, (value) => value === true) });
    case "int":
      return data({ ...nulls, data: integers(type.bits, type.signed, values) });
    case "float":
      return data({ ...nulls, data: bitsOf(new (type.bits === 16 ? Float16Array : type.bits === 32 ? Float32Array : Float64Array)(values.map(Number))) });
    case "date":
      return data({ ...nulls, data: Int32Array.from(values, Number) });
    case "time":
      return data({ ...nulls, data: type.unit === "s" || type.unit === "ms" ? Int32Array.from(values, Number) : BigInt64Array.from(values.map(bigintOf)) });
    case "timestamp":
      return data({ ...nulls, data: BigInt64Array.from(values.map(bigintOf)) });
    case "decimal":
      return data({ ...nulls, data: decimals(values, decimalWords(type.precision)) });
    case "list": {
      const lists = values.map((value) => (value ?? []) as readonly ColumnValue[]);
      return data({ ...nulls, valueOffsets: offsetsOf(lists), child: arrowData(type.of, lists.flat() as ColumnValue[]) });
    }
    default: {
      const elements = values.map(bytesOf);
      return data({ ...nulls, valueOffsets: offsetsOf(elements), data: Buffer.concat(elements) });
    }
  }
}

/** Arrow's library has no array of its own for floats of 16 bits. */
function bitsOf(values: NumberArray): NumberArray {
  return values instanceof Float16Array ? new Uint16Array(values.buffer, values.byteOffset, values.length) : values;
}

function bits(values: readonly ColumnValue[], isSet: (value: ColumnValue) => boolean): Uint8Array {
  const bytes = new Uint8Array(Math.ceil(values.length / 8));
  values.forEach((value, i) => {
    if (isSet(value)) bytes[i >> 3] = (bytes[i >> 3] as number) | (1 << (i & 7));
  });
  return bytes;
}

function bigintOf(value: ColumnValue): bigint {
  return (value ?? 0n) as bigint;
}

function integers(width: 8 | 16 | 32 | 64, signed: boolean, values: readonly ColumnValue[]): NumberArray {
  if (width === 64) return signed ? new BigInt64Array(values.map(bigintOf)) : new BigUint64Array(values.map(bigintOf));
  const arrays = signed ? { 8: Int8Array, 16: Int16Array, 32: Int32Array } : { 8: Uint8Array, 16: Uint16Array, 32: Uint32Array };
  return arrays[width].from(values.map(Number));
}

function decimalWords(precision: number): number {
  return precision <= 38 ? 4 : 8;
}

function decimals(values: readonly ColumnValue[], words: number): Uint32Array {
  const all = new Uint32Array(values.length * words);
  values.forEach((value, i) => {
    for (let word = 0; word < words; word++) all[i * words + word] = Number(BigInt.asUintN(32, bigintOf(value) >> BigInt(32 * word)));
  });
  return all;
}

function offsetsOf(values: readonly { readonly length: number }[]): Int32Array {
  const offsets = new Int32Array(values.length + 1);
  for (let i = 0; i < values.length; i++) offsets[i + 1] = (offsets[i] as number) + (values[i] as { readonly length: number }).length;
  return offsets;
}

function bytesOf(value: ColumnValue): Uint8Array {
  if (value instanceof Uint8Array) return value;
  return Buffer.from(value === null ? "" : typeof value === "string" ? value : stringifyExact(value));
}
