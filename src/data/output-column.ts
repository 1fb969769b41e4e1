// An output of the model as a column of a table: numbers stay in the bits that the model gave, down to which NaN it is.
import type { ColumnType } from "../core/column.ts";
import type { Datatype } from "../core/datatype.ts";
import { IdiomError } from "../core/errors.ts";
import { bytesElements } from "../core/json-tensor.ts";
import { formatShape, type TensorSpec } from "../core/signature.ts";
import type { BlockInput } from "./block.ts";
import { type ColumnValue, textOf } from "./column-value.ts";
import { nested } from "./text-output.ts";

/** Of scalars that are not null, in the column's own bits; all else is a list. */
export type ColumnValues = readonly ColumnValue[] | NumberArray;
export type NumberArray =
  | Int8Array
  | Int16Array
  | Int32Array
  | BigInt64Array
  | Uint8Array
  | Uint16Array
  | Uint32Array
  | BigUint64Array
  | Float16Array
  | Float32Array
  | Float64Array;

/** An output of the model as a column. */
export class OutputColumn {
  readonly name: string;
  readonly type: ColumnType;
  readonly #spec: TensorSpec;
  /** Dimensions of a row's value. */
  readonly #rank: number;
  #values: ColumnValue[] = [];
  #numbers: NumberArray[] = [];
  // Of the slice that is open.
  #slice: readonly ColumnValue[] | NumberArray = [];
  #sizes: ((row: number) => number) | number = 0;

  constructor(spec: TensorSpec, merged: boolean) {
    const { name, datatype, shape } = spec;
    this.name = name;
    this.#spec = spec;
    const rowShape = merged || shape[0] === 1 || shape[0] === -1 ? shape.slice(1) : shape;
    this.#rank = rowShape.length === 1 && rowShape[0] === 1 ? 0 : rowShape.length;
    let type = scalarType(datatype);
    for (let depth = 0; depth < this.#rank; depth++) type = { kind: "list", of: type };
    this.type = type;
  }

  /** The next rows. @throws IdiomError INVALID_OUTPUT when they have another shape than the column. */
  open({ datatype, rowShape, data }: BlockInput, rows: number): void {
    const shape = this.#rank === 0 && rowShape.every((dimension) => dimension === 1) ? [] : rowShape;
    if (shape.length !== this.#rank)
      throw new IdiomError(
        "INVALID_OUTPUT",
        `output '${this.name}' has rows of the shape ${formatShape(rowShape)}, and its column was to hold ${formatShape(this.#spec.shape)}; say in the signature what it has, or write JSON Lines`,
      );
    const elements = datatype === "BYTES" ? bytesElements(data) : numbersOf(datatype, data);
    const element = (i: number): ColumnValue => elementOf(datatype, elements[i] as Uint8Array | number | bigint);
    const perRow = shape.reduce((product, dimension) => product * dimension, 1);
    if (datatype === "BYTES") {
      const texts = elements as readonly Uint8Array[];
      this.#sizes = (row) => texts.slice(row * perRow, (row + 1) * perRow).reduce((sum, { length }) => sum + length, 0);
    } else this.#sizes = (data.length / rows) | 0;
    if (this.#rank > 0) this.#slice = Array.from({ length: rows }, (_, row) => nested<ColumnValue>(shape, 0, row * perRow, perRow, element));
    else this.#slice = datatype === "BYTES" || datatype === "BOOL" ? Array.from({ length: rows }, (_, row) => element(row)) : (elements as NumberArray);
  }

  bytesOf(row: number): number {
    return typeof this.#sizes === "number" ? this.#sizes : this.#sizes(row);
  }

  /** The rows [from, to) of the open slice belong to the group. */
  take(from: number, to: number): void {
    if (ArrayBuffer.isView(this.#slice)) this.#numbers.push(this.#slice.subarray(from, to));
    else for (let row = from; row < to; row++) this.#values.push(this.#slice[row] as ColumnValue);
  }

  /** Of the group, which is over. */
  values(): ColumnValues {
    const values = this.#numbers.length === 0 ? this.#values : concatenated(this.#numbers);
    this.#values = [];
    this.#numbers = [];
    return values;
  }
}

function scalarType(datatype: Datatype): ColumnType {
  if (datatype === "BYTES") return { kind: "text" };
  if (datatype === "BOOL") return { kind: "bool" };
  // No table has 16 bits in that division; 32 hold the same numbers.
  if (datatype === "BF16") return { kind: "float", bits: 32 };
  const bits = Number(/\d+$/.exec(datatype)?.[0]);
  if (datatype.startsWith("FP")) return { kind: "float", bits: bits as 16 | 32 | 64 };
  return { kind: "int", bits: bits as 8 | 16 | 32 | 64, signed: !datatype.startsWith("U") };
}

const ARRAYS = {
  BOOL: Uint8Array,
  UINT8: Uint8Array,
  UINT16: Uint16Array,
  UINT32: Uint32Array,
  UINT64: BigUint64Array,
  INT8: Int8Array,
  INT16: Int16Array,
  INT32: Int32Array,
  INT64: BigInt64Array,
  FP16: Float16Array,
  FP32: Float32Array,
  FP64: Float64Array,
} as const;

function numbersOf(datatype: Exclude<Datatype, "BYTES">, data: Uint8Array): NumberArray {
  // Where they lie they may be at any place.
  const { buffer } = Uint8Array.from(data);
  if (datatype !== "BF16") return new ARRAYS[datatype](buffer);
  return new Float32Array(Uint32Array.from(new Uint16Array(buffer), (bits) => bits << 16).buffer);
}

function elementOf(datatype: Datatype, value: Uint8Array | number | bigint): ColumnValue {
  if (datatype === "BOOL") return value === 1;
  return datatype === "BYTES" ? textOf(value as Uint8Array) : value;
}

function concatenated(parts: readonly NumberArray[]): NumberArray {
  const [first] = parts as [NumberArray];
  if (parts.length === 1) return first;
  const bytes = Buffer.concat(parts.map(({ buffer, byteOffset, byteLength }) => new Uint8Array(buffer, byteOffset, byteLength)));
  const { buffer } = Uint8Array.from(bytes);
  return new (first.constructor as new (buffer: ArrayBufferLike) => NumberArray)(buffer);
}
