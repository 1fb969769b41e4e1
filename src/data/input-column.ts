// The values of one input, as rows bring them: a cell of a table, or a value of JSON, to the raw bytes of the input's data type.
import { type CellSpec, missing } from "../core/cell.ts";
import { DATATYPES } from "../core/datatype.ts";
import { type ElementWriter, elementWriter, type JsonValue, stringifyExact } from "../core/json-tensor.ts";
import { formatShape, rowsShape, type TensorSpec } from "../core/signature.ts";
import type { BlockInput } from "./block.ts";
import { ByteColumn } from "./byte-column.ts";
import { decimalAt, wholeNumberAt } from "./decimal.ts";
import { cellText, type InputValue, type Piece, type SourceRow } from "./rows.ts";

const OPENING_BRACKET = 0x5b;
/** Of a value that is one number or text. */
const SCALAR: readonly number[] = [];

export class InputColumn {
  readonly cell: CellSpec;
  readonly #spec: TensorSpec;
  readonly #merged: boolean;
  readonly #write: ElementWriter | null;
  /** Whether a row may have one number or text here. */
  readonly #mayBeScalar: boolean;
  readonly #bytes = new ByteColumn();
  #rowShape: readonly number[] | null = null;

  constructor(spec: TensorSpec, merged: boolean) {
    this.#spec = spec;
    this.#merged = merged;
    this.#write = spec.datatype === "BYTES" ? null : elementWriter(spec.datatype);
    const { datatype, na, shape } = spec;
    this.cell = { datatype, na, list: shape.length > 2 || (shape.length === 2 && shape[1] !== 1) };
    this.#mayBeScalar = this.#fits(SCALAR);
  }

  fromJson(values: Readonly<Record<string, JsonValue | undefined>>): InputValue | undefined {
    return this.orMissing(Object.hasOwn(values, this.#spec.name) ? values[this.#spec.name] : undefined);
  }

  orMissing(value: InputValue | undefined): InputValue | undefined {
    if (value !== null) return value;
    // Where there is null, a missing text can be told from an empty one.
    return this.cell.datatype === "BYTES" && this.cell.na === null ? undefined : missing(this.cell);
  }

  problem(row: SourceRow, position: number): string {
    const { name, datatype } = this.#spec;
    if (row.kind === "text" || row.kind === "cells") {
      const text = row.kind === "text" ? (row.cells[position] as string) : cellText(row, position);
      return text === ""
        ? `column '${name}' is empty, and the model has no value for a missing ${datatype}`
        : `column '${name}': "${text.slice(0, 100)}" is no ${datatype}`;
    }
    const there = row.kind === "typed" || (row.kind === "values" && Object.hasOwn(row.values, name));
    return there ? `'${name}' is null, and the model has no value for a missing ${datatype}` : `'${name}' is not there`;
  }

  /** Whether the block's rows so far have this value's shape. */
  sameShape(value: InputValue): boolean {
    if (this.#rowShape === null) return true;
    if (!Array.isArray(value)) return this.#rowShape.length === 0;
    const shape = shapeOf(value);
    return shape.length === this.#rowShape.length && shape.every((dimension, i) => dimension === this.#rowShape?.[i]);
  }

  /** Appends the cell [from, to) when it is a plain number or text, as nearly all are; false: it has to be looked at as text. */
  appendPlain(piece: Piece, from: number, to: number): boolean {
    if (!this.#mayBeScalar || from === to || (this.#rowShape !== null && this.#rowShape.length > 0)) return false;
    if (!this.#appendCell(piece, from, to)) return false;
    this.#rowShape = SCALAR;
    return true;
  }

  #appendCell(piece: Piece, from: number, to: number): boolean {
    const { datatype } = this.#spec;
    if (this.#write === null) {
      if (this.cell.list && piece.bytes[from] === OPENING_BRACKET) return false;
      this.#bytes.appendBytes(piece.bytes, from, to);
      return true;
    }
    if (datatype === "BOOL") return false;
    const isFloat = datatype.startsWith("FP") || datatype === "BF16";
    const number = isFloat ? decimalAt(piece, from, to) : wholeNumberAt(piece.bytes, from, to);
    if (Number.isNaN(number)) return false;
    if (datatype !== "FP64") return this.#appendNumber(this.#write, number);
    this.#bytes.appendFloat64(number);
    return true;
  }

  /** What is wrong with the value, or null once it stands in the column. */
  append(value: InputValue): string | null {
    const shape = shapeOf(value);
    if (!this.#fits(shape))
      return `'${this.#spec.name}' has the shape ${formatShape(shape)} in this row, the signature says ${formatShape(this.#spec.shape)} for ${this.#merged ? "all rows" : "a call"}`;
    const flat = Array.isArray(value) ? ((value as unknown[]).flat(Number.POSITIVE_INFINITY) as JsonValue[]) : null;
    const count = shape.reduce((product, dimension) => product * dimension, 1);
    if (flat !== null && flat.length !== count) return `'${this.#spec.name}' is a list of lists of different lengths`;
    for (let i = 0; i < count; i++) {
      const element = flat === null ? value : (flat[i] as InputValue);
      if (!(this.#write === null ? this.#appendText(element) : this.#appendNumber(this.#write, element as JsonValue)))
        return `'${this.#spec.name}': ${stringifyExact(element)?.slice(0, 100)} is no ${this.#spec.datatype}`;
    }
    this.#rowShape ??= shape;
    return null;
  }

  undo(): void {
    this.#bytes.undo();
    if (this.#bytes.length === 0) this.#rowShape = null;
  }

  /** The row stands. Returns its bytes. */
  commit(): number {
    return this.#bytes.commit();
  }

  /** What stands, good until the next row is appended. */
  take(): BlockInput {
    const rowShape = this.#rowShape ?? SCALAR;
    this.#rowShape = null;
    return { datatype: this.#spec.datatype, rowShape, data: this.#bytes.take() };
  }

  #fits(rowShape: readonly number[]): boolean {
    return rowsShape(this.#spec, rowShape, this.#merged ? 1 : null) !== null;
  }

  #appendNumber(write: ElementWriter, value: JsonValue): boolean {
    return this.#bytes.append(DATATYPES[this.#spec.datatype].size as number, write, value);
  }

  #appendText(value: InputValue): boolean {
    if (value === null || Array.isArray(value)) return false;
    if (value instanceof Uint8Array) this.#bytes.appendBytes(value, 0, value.length);
    else this.#bytes.appendText(String(value));
    return true;
  }
}

function shapeOf(value: InputValue): number[] {
  return Array.isArray(value) ? [value.length, ...(value.length > 0 ? shapeOf(value[0] as JsonValue) : [])] : [];
}
