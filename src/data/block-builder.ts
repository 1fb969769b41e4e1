// Turns rows into blocks: each value to the raw bytes of its input, by the model's signature. What does not fit is a broken row.
import { type CellSpec, missing, valueOfCell } from "../core/cell.ts";
import { DATATYPES } from "../core/datatype.ts";
import { type ElementWriter, elementWriter, type JsonValue, stringifyExact } from "../core/json-tensor.ts";
import { formatShape, rowsShape, type TensorSpec } from "../core/signature.ts";
import { type BlockInput, type BrokenRow, encodeBlock } from "./block.ts";
import type { SourceRow } from "./rows.ts";

/** A block is as much as is read at once when a chunk runs. */
const MAX_BLOCK_ROWS = 16_384;
const MAX_BLOCK_BYTES = 2 ** 20;
/** The first block is small, so that the first chunk starts at once. */
const FIRST_BLOCK_ROWS = 256;
/** Of a broken row, as it is shown. */
const MAX_SHOWN_CHARACTERS = 10_000;

export interface BlockPlan {
  readonly inputs: readonly TensorSpec[];
  /** Whether calls hold several rows, so that dimension 0 is theirs. */
  readonly merged: boolean;
  /** Names of the columns to keep, or all. */
  readonly keep: "all" | readonly string[];
}

export interface BuiltBlock {
  readonly bytes: Buffer;
  readonly firstRow: number;
  readonly rows: number;
}

export class BlockBuilder {
  readonly #plan: BlockPlan;
  readonly #columns: readonly string[] | null;
  readonly #inputs: readonly InputColumn[];
  /** Of a table with columns: the position of each input. */
  readonly #positions: readonly number[];
  readonly #keptPositions: readonly number[];
  #kept: Buffer[] = [];
  #broken: BrokenRow[] = [];
  #firstRow: number;
  #rows = 0;
  #bytes = 0;
  #maxRows = FIRST_BLOCK_ROWS;

  /** `columns` null: every row has names of its own. Columns that lack are the caller's to find. */
  constructor(plan: BlockPlan, columns: readonly string[] | null, firstRow: number) {
    this.#plan = plan;
    this.#columns = columns;
    this.#firstRow = firstRow;
    this.#inputs = plan.inputs.map((spec) => new InputColumn(spec, plan.merged));
    this.#positions = columns === null ? [] : plan.inputs.map((spec) => columns.indexOf(spec.name));
    this.#keptPositions = columns === null ? [] : (plan.keep === "all" ? columns : plan.keep).map((name) => columns.indexOf(name));
  }

  /** Adds the next row. Returns a block when one is full, or when this row has another shape than those before. */
  add(row: SourceRow): BuiltBlock | null {
    const done = this.#rows >= this.#maxRows || this.#bytes >= MAX_BLOCK_BYTES ? this.flush() : null;
    if (row.kind === "broken") {
      this.#break(row.cause, row.data);
      return done;
    }
    const values: JsonValue[] = [];
    for (let i = 0; i < this.#inputs.length; i++) {
      const input = this.#inputs[i] as InputColumn;
      const value = row.kind === "text" ? valueOfCell(row.cells[this.#positions[i] as number] as string, input.cell) : input.fromJson(row.values);
      if (value === undefined) {
        this.#break(input.problem(row, this.#positions[i] as number), this.#shown(row));
        return done;
      }
      values.push(value);
    }
    return this.#append(row, values, done);
  }

  /** What has come since the last block, or null. */
  flush(): BuiltBlock | null {
    if (this.#rows === 0) return null;
    const bytes = encodeBlock(
      this.#firstRow,
      this.#rows,
      this.#inputs.map((input) => input.take()),
      Buffer.concat(this.#kept),
      this.#broken,
    );
    const block = { bytes, firstRow: this.#firstRow, rows: this.#rows };
    this.#firstRow += this.#rows;
    this.#rows = 0;
    this.#bytes = 0;
    this.#kept = [];
    this.#broken = [];
    this.#maxRows = MAX_BLOCK_ROWS;
    return block;
  }

  #append(row: SourceRow, values: readonly JsonValue[], done: BuiltBlock | null): BuiltBlock | null {
    let flushed = done;
    if (values.some((value, i) => !(this.#inputs[i] as InputColumn).sameShape(value))) flushed = this.flush() ?? done;
    for (let i = 0; i < values.length; i++) {
      const problem = (this.#inputs[i] as InputColumn).append(values[i] as JsonValue);
      if (problem === null) continue;
      for (const input of this.#inputs) input.undo();
      this.#break(problem, this.#shown(row));
      return flushed;
    }
    for (const input of this.#inputs) this.#bytes += input.commit();
    this.#keep(row);
    this.#rows++;
    return flushed;
  }

  #break(cause: string, data: unknown): void {
    const json = JSON.stringify(data, (_key, value: unknown) => (typeof value === "bigint" ? String(value) : value)) ?? "null";
    const shown = json.length > MAX_SHOWN_CHARACTERS ? `${json.slice(0, MAX_SHOWN_CHARACTERS)} [cut]` : data;
    this.#broken.push({ row: this.#firstRow + this.#rows, cause, data: typeof shown === "string" ? shown : JSON.parse(json) });
    this.#bytes += Math.min(json.length, MAX_SHOWN_CHARACTERS) + cause.length;
    this.#rows++;
  }

  #keep(row: SourceRow): void {
    if (this.#plan.keep !== "all" && this.#plan.keep.length === 0) return;
    const json = Buffer.from(stringifyExact(this.#keptCells(row)));
    const length = Buffer.alloc(4);
    length.writeUInt32LE(json.length);
    this.#kept.push(length, json);
    this.#bytes += 4 + json.length;
  }

  /** Cells in the order of the names; of rows with names of their own all of it, when all is kept. */
  #keptCells(row: SourceRow): unknown {
    if (row.kind === "text") return this.#keptPositions.map((position) => row.cells[position]);
    if (row.kind !== "values") return [];
    return this.#plan.keep === "all" ? row.values : this.#plan.keep.map((name) => row.values[name] ?? null);
  }

  #shown(row: SourceRow): unknown {
    if (row.kind === "text") return Object.fromEntries((this.#columns ?? []).map((name, i) => [name, row.cells[i]]));
    return row.kind === "values" ? row.values : row.data;
  }
}

/** The values of one input, as they come. */
class InputColumn {
  readonly cell: CellSpec;
  readonly #spec: TensorSpec;
  readonly #merged: boolean;
  readonly #write: ElementWriter | null;
  #rowShape: readonly number[] | null = null;
  #buffer = Buffer.allocUnsafe(4096);
  #view = viewOn(this.#buffer);
  #at = 0;
  #committed = 0;

  constructor(spec: TensorSpec, merged: boolean) {
    this.#spec = spec;
    this.#merged = merged;
    this.#write = spec.datatype === "BYTES" ? null : elementWriter(spec.datatype);
    const { datatype, na, shape } = spec;
    this.cell = { datatype, na, list: shape.length > 2 || (shape.length === 2 && shape[1] !== 1) };
  }

  fromJson(values: Readonly<Record<string, JsonValue | undefined>>): JsonValue | undefined {
    const value = Object.hasOwn(values, this.#spec.name) ? values[this.#spec.name] : undefined;
    if (value !== null) return value;
    // In JSON a missing text can be told from an empty one.
    return this.cell.datatype === "BYTES" && this.cell.na === null ? undefined : missing(this.cell);
  }

  problem(row: SourceRow, position: number): string {
    const { name, datatype } = this.#spec;
    if (row.kind === "text") {
      const text = row.cells[position] as string;
      return text === ""
        ? `column '${name}' is empty, and the model has no value for a missing ${datatype}`
        : `column '${name}': "${text.slice(0, 100)}" is no ${datatype}`;
    }
    const there = row.kind === "values" && Object.hasOwn(row.values, name);
    return there ? `'${name}' is null, and the model has no value for a missing ${datatype}` : `'${name}' is not there`;
  }

  /** Whether the block's rows so far have this value's shape. */
  sameShape(value: JsonValue): boolean {
    if (this.#rowShape === null) return true;
    if (!Array.isArray(value)) return this.#rowShape.length === 0;
    const shape = shapeOf(value);
    return shape.length === this.#rowShape.length && shape.every((dimension, i) => dimension === this.#rowShape?.[i]);
  }

  /** What is wrong with the value, or null once it stands in the column. */
  append(value: JsonValue): string | null {
    const shape = shapeOf(value);
    if (!this.#fits(shape))
      return `'${this.#spec.name}' has the shape ${formatShape(shape)} in this row, the signature says ${formatShape(this.#spec.shape)} for ${this.#merged ? "all rows" : "a call"}`;
    const flat = Array.isArray(value) ? ((value as unknown[]).flat(Number.POSITIVE_INFINITY) as JsonValue[]) : null;
    const count = shape.reduce((product, dimension) => product * dimension, 1);
    if (flat !== null && flat.length !== count) return `'${this.#spec.name}' is a list of lists of different lengths`;
    for (let i = 0; i < count; i++) {
      const element = flat === null ? value : (flat[i] as JsonValue);
      if (!(this.#write === null ? this.#appendText(element) : this.#appendNumber(this.#write, element)))
        return `'${this.#spec.name}': ${stringifyExact(element)?.slice(0, 100)} is no ${this.#spec.datatype}`;
    }
    this.#rowShape ??= shape;
    return null;
  }

  undo(): void {
    this.#at = this.#committed;
    if (this.#at === 0) this.#rowShape = null;
  }

  /** The row stands. Returns its bytes. */
  commit(): number {
    const bytes = this.#at - this.#committed;
    this.#committed = this.#at;
    return bytes;
  }

  take(): BlockInput {
    const data = this.#buffer.subarray(0, this.#committed);
    const rowShape = this.#rowShape ?? [];
    this.#buffer = Buffer.allocUnsafe(Math.max(4096, this.#committed));
    this.#view = viewOn(this.#buffer);
    this.#at = 0;
    this.#committed = 0;
    this.#rowShape = null;
    return { datatype: this.#spec.datatype, rowShape, data };
  }

  #fits(rowShape: readonly number[]): boolean {
    return rowsShape(this.#spec, rowShape, this.#merged ? 1 : null) !== null;
  }

  #appendNumber(write: ElementWriter, value: JsonValue): boolean {
    const size = DATATYPES[this.#spec.datatype].size as number;
    this.#room(size);
    if (!write(this.#view, this.#at, value)) return false;
    this.#at += size;
    return true;
  }

  #appendText(value: JsonValue): boolean {
    if (value === null || Array.isArray(value)) return false;
    const text = String(value);
    this.#room(4 + 3 * text.length);
    const length = this.#buffer.write(text, this.#at + 4);
    this.#buffer.writeUInt32LE(length, this.#at);
    this.#at += 4 + length;
    return true;
  }

  #room(bytes: number): void {
    if (this.#at + bytes <= this.#buffer.length) return;
    const grown = Buffer.allocUnsafe(Math.max(2 * this.#buffer.length, this.#at + bytes));
    this.#buffer.copy(grown, 0, 0, this.#at);
    this.#buffer = grown;
    this.#view = viewOn(grown);
  }
}

function shapeOf(value: JsonValue): number[] {
  return Array.isArray(value) ? [value.length, ...(value.length > 0 ? shapeOf(value[0] as JsonValue) : [])] : [];
}

function viewOn(buffer: Buffer): DataView {
  return new DataView(buffer.buffer, buffer.byteOffset, buffer.byteLength);
}
