// Joins the parts of an output whose columns have types: into groups of rows that depend on the rows alone, not on how they were cut into
// chunks, so that a job that was disturbed writes the same bytes.
import type { Column } from "../core/column.ts";
import { type JsonValue, parseJsonExact } from "../core/json-tensor.ts";
import type { Block } from "./block.ts";
import { type ColumnValue, unspooledValue } from "./column-value.ts";
import type { JoinTask } from "./join-task.ts";
import { type ColumnValues, OutputColumn } from "./output-column.ts";
import { readSlices } from "./table-part.ts";

/** A table as the bytes of its file. They are good until the next are asked for. */
export interface TableEncoder {
  /** A group of rows; before the first, what comes before it. */
  encode(columns: readonly ColumnValues[], rows: number): Uint8Array[];
  /** What comes behind the last group. */
  finish(): Uint8Array[];
}

const MAX_GROUP_ROWS = 65_536;
const MIN_GROUP_ROWS = 1024;
/** All columns together: each value may be an object until its group is written. */
const MAX_GROUP_VALUES = 2 ** 20;
const MAX_GROUP_BYTES = 16 * 2 ** 20;

/** `parts`: files, in order. @throws IdiomError INVALID_OUTPUT when answers do not fit their columns. */
export async function* joinedTable({ format, kept, outputs, merged }: JoinTask, parts: readonly string[]): AsyncGenerator<Uint8Array, void, void> {
  const answers = outputs.map((spec) => new OutputColumn(spec, merged));
  const columns: Column[] = [...kept, ...answers.map(({ name, type }) => ({ name, type }))];
  const encoder = await encoderOf(format, columns);
  const group = new Group(kept, answers, encoder);
  for (const part of parts) for (const slice of readSlices(part)) yield* group.add(slice);
  yield* group.flush();
  yield* encoder.finish();
}

async function encoderOf({ format }: JoinTask["format"], columns: readonly Column[]): Promise<TableEncoder> {
  if (format === "parquet") return new (await import("./parquet-output.ts")).ParquetEncoder(columns);
  return new (await import("./arrow-output.ts")).ArrowEncoder(columns, format === "arrow-stream");
}

/** The rows that are written next. */
class Group {
  readonly #kept: readonly Column[];
  readonly #outputs: readonly OutputColumn[];
  readonly #encoder: TableEncoder;
  readonly #maxRows: number;
  #keptValues: ColumnValue[][];
  #rows = 0;
  #bytes = 0;

  constructor(kept: readonly Column[], outputs: readonly OutputColumn[], encoder: TableEncoder) {
    this.#kept = kept;
    this.#outputs = outputs;
    this.#encoder = encoder;
    this.#maxRows = Math.max(MIN_GROUP_ROWS, Math.min(MAX_GROUP_ROWS, Math.floor(MAX_GROUP_VALUES / (kept.length + outputs.length))));
    this.#keptValues = kept.map(() => []);
  }

  /** Gives the bytes of the groups that are full. */
  *add(slice: Block): Generator<Uint8Array, void, void> {
    const rows = slice.size;
    const kept = slice.keptRows();
    slice.inputs.forEach((values, i) => (this.#outputs[i] as OutputColumn).open(values, rows));
    for (let from = 0, to = 0; from < rows; from = to) {
      while (to < rows && this.#rows + to - from < this.#maxRows && this.#bytes < MAX_GROUP_BYTES) {
        this.#bytes += this.#outputs.reduce((sum, output) => sum + output.bytesOf(to), kept[to]?.length ?? 0);
        this.#keep(kept[to]);
        to++;
      }
      for (const output of this.#outputs) output.take(from, to);
      this.#rows += to - from;
      if (to < rows) yield* this.flush();
    }
  }

  *flush(): Generator<Uint8Array, void, void> {
    if (this.#rows === 0) return;
    yield* this.#encoder.encode([...this.#keptValues, ...this.#outputs.map((output) => output.values())], this.#rows);
    this.#keptValues = this.#kept.map(() => []);
    this.#rows = 0;
    this.#bytes = 0;
  }

  #keep(json: Uint8Array | undefined): void {
    if (json === undefined) return;
    const cells = parseJsonExact(Buffer.from(json).toString("utf8")) as JsonValue[];
    this.#kept.forEach(({ type }, i) => this.#keptValues[i]?.push(unspooledValue(type, cells[i] as JsonValue)));
  }
}
