// Turns rows into blocks: each value to the raw bytes of its input, by the model's signature. What does not fit is a broken row.
import { valueOfCell } from "../core/cell.ts";
import { stringifyExact } from "../core/json-tensor.ts";
import type { TensorSpec } from "../core/signature.ts";
import { type BrokenRow, encodeBlock } from "./block.ts";
import { ByteColumn } from "./byte-column.ts";
import { InputColumn } from "./input-column.ts";
import { type CellRow, cellText, type InputValue, type SourceRow } from "./rows.ts";

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
  readonly #kept = new ByteColumn();
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
    if (row.kind === "cells" && this.#appendPlain(row)) return done;
    const values: InputValue[] = [];
    for (let i = 0; i < this.#inputs.length; i++) {
      const input = this.#inputs[i] as InputColumn;
      const value = this.#valueOf(row, input, i);
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
      this.#kept.take(),
      this.#broken,
    );
    const block = { bytes, firstRow: this.#firstRow, rows: this.#rows };
    this.#firstRow += this.#rows;
    this.#rows = 0;
    this.#bytes = 0;
    this.#broken = [];
    this.#maxRows = MAX_BLOCK_ROWS;
    return block;
  }

  /** False, and nothing is appended, unless each input's cell is a plain number or text. */
  #appendPlain(row: CellRow): boolean {
    for (let i = 0; i < this.#inputs.length; i++) {
      const bound = row.at + 2 * (this.#positions[i] as number);
      if ((this.#inputs[i] as InputColumn).appendPlain(row.piece, row.bounds[bound] as number, row.bounds[bound + 1] as number)) continue;
      for (const input of this.#inputs) input.undo();
      return false;
    }
    this.#stands(row);
    return true;
  }

  #valueOf(row: Exclude<SourceRow, { kind: "broken" }>, input: InputColumn, i: number): InputValue | undefined {
    switch (row.kind) {
      case "values":
        return input.fromJson(row.values);
      case "typed":
        return input.orMissing(row.table.input(row.values, i));
      default:
        return valueOfCell(textOf(row, this.#positions[i] as number), input.cell);
    }
  }

  #append(row: SourceRow, values: readonly InputValue[], done: BuiltBlock | null): BuiltBlock | null {
    let flushed = done;
    if (values.some((value, i) => !(this.#inputs[i] as InputColumn).sameShape(value))) flushed = this.flush() ?? done;
    for (let i = 0; i < values.length; i++) {
      const problem = (this.#inputs[i] as InputColumn).append(values[i] as InputValue);
      if (problem === null) continue;
      for (const input of this.#inputs) input.undo();
      this.#break(problem, this.#shown(row));
      return flushed;
    }
    this.#stands(row);
    return flushed;
  }

  #stands(row: SourceRow): void {
    for (const input of this.#inputs) this.#bytes += input.commit();
    this.#keep(row);
    this.#rows++;
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
    this.#kept.appendText(row.kind === "values" ? stringifyExact(this.#keptCells(row)) : JSON.stringify(this.#keptCells(row)));
    this.#bytes += this.#kept.commit();
  }

  /** Cells in the order of the names; of rows with names of their own all of it, when all is kept. */
  #keptCells(row: SourceRow): unknown {
    if (row.kind === "text" || row.kind === "cells") return this.#keptPositions.map((position) => textOf(row, position));
    if (row.kind === "typed") return row.table.kept(row.values);
    if (row.kind !== "values") return [];
    return this.#plan.keep === "all" ? row.values : this.#plan.keep.map((name) => row.values[name] ?? null);
  }

  #shown(row: SourceRow): unknown {
    if (row.kind === "text" || row.kind === "cells") return Object.fromEntries((this.#columns ?? []).map((name, i) => [name, textOf(row, i)]));
    if (row.kind === "typed") return row.table.shown(row.values);
    return row.kind === "values" ? row.values : row.data;
  }
}

function textOf(row: Extract<SourceRow, { kind: "text" | "cells" }>, column: number): string {
  return row.kind === "text" ? (row.cells[column] as string) : cellText(row, column);
}
