// Parquet and Arrow, as another implementation writes and reads them: files of pyarrow come in with every bit, and ours go out to it.
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { openSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import type { ColumnType } from "../../src/core/column.ts";
import type { DataFormat } from "../../src/core/job.ts";
import { parseJsonExact } from "../../src/core/json-tensor.ts";
import { openArrow } from "../../src/data/arrow-file.ts";
import { type ColumnValue, shownValue } from "../../src/data/column-value.ts";
import { fileFormat } from "../../src/data/formats.ts";
import { openParquet } from "../../src/data/parquet-file.ts";
import type { ReadProgress, ReadResult } from "../../src/data/read-task.ts";
import { DataThreads } from "../../src/data/threads.ts";
import { DATA } from "../support/data-folder.ts";
import { processFolder } from "../support/folders.ts";
import { spec } from "../support/specs.ts";
import { valuesIn } from "../support/tables.ts";

const PYTHON = join(DATA, "environments", "tests", "bin", "python3");
const SCRIPT = join(import.meta.dirname, "..", "fixtures", "tables", "pyarrow_tables.py");

const INPUTS = [
  spec("id", "INT64", [-1]),
  spec("u64", "UINT64", [-1]),
  spec("u32", "UINT32", [-1]),
  spec("i8", "INT8", [-1]),
  spec("u16", "UINT16", [-1]),
  spec("f64", "FP64", [-1]),
  spec("f32", "FP32", [-1]),
  spec("f16", "FP16", [-1]),
  spec("flag", "BOOL", [-1]),
  spec("name", "BYTES", [-1]),
  spec("vec", "FP32", [-1, 3]),
  spec("grid", "INT64", [-1, 2, 2]),
];
const OUTPUTS = INPUTS.map((input) => ({ ...input, name: `y_${input.name}` }));

/** By column, as the script prints them. */
type Held = Readonly<Record<string, { readonly type: string; readonly values: readonly unknown[] }>>;

function pyarrow(task: "write" | "read", ...paths: readonly string[]): Held[] {
  const printed = execFileSync(PYTHON, [SCRIPT, task, ...paths], { encoding: "utf8", maxBuffer: 2 ** 28 });
  return printed
    .trimEnd()
    .split("\n")
    .map((line) => parseJsonExact(line) as Held);
}

/** A value as the script prints it. */
function printed(type: ColumnType, value: ColumnValue): unknown {
  if (value === null) return null;
  switch (type.kind) {
    case "list":
      return (value as readonly ColumnValue[]).map((element) => printed(type.of, element));
    case "float": {
      const bits = Buffer.alloc(8);
      bits.writeDoubleLE(value as number);
      return Number.isNaN(value) ? "nan" : bits.toString("hex");
    }
    case "bytes":
      return Buffer.from(value as Uint8Array).toString("hex");
    case "timestamp":
      if (type.unit === "ns") break;
      return shownValue(type, value);
    case "int":
      break;
    default:
      return shownValue(type, value);
  }
  const number = Number(value);
  return Number.isSafeInteger(number) ? number : value;
}

function readAll(path: string): Record<string, unknown[]> {
  const file = (path.endsWith(".parquet") ? openParquet : openArrow)(openSync(path, "r"));
  const values = valuesIn(file);
  file.close();
  return Object.fromEntries(file.columns.map(({ name, type }) => [name, values[name]?.map((value) => printed(type, value)) ?? []]));
}

describe("tables", () => {
  const folder = processFolder();
  const threads = new DataThreads();
  let held: Held;
  before(() => {
    [held] = pyarrow("write", folder) as [Held];
  });
  after(() => threads.stop());

  test("of pyarrow are read with every bit, however they are packed, encoded and cut", () => {
    const expected = Object.fromEntries(Object.entries(held).map(([name, { values }]) => [name, values]));
    const files = readdirSync(folder).filter((name) => /\.(parquet|arrows?|feather)$/.test(name) && !name.startsWith("empty"));
    assert.ok(files.length > 20);
    for (const name of files) assert.deepEqual(readAll(join(folder, name)), expected, name);
  });

  /** Reads a file as a job does; the model answers each input as it came, and all columns are kept. */
  async function passThrough(source: string, target: string, format: DataFormat, chunkRows: number): Promise<void> {
    const job = processFolder();
    const told: ReadProgress[] = [];
    const task = {
      source: { path: source, tag: null },
      format: fileFormat(source, { format: "", compression: "" }, null),
      folder: job,
      spool: "rows",
      skipRows: 0,
      model: "m",
      inputs: INPUTS,
      merged: true,
      keep: "all" as const,
      taken: OUTPUTS.map(({ name }) => name),
    };
    const { rows, keptColumns }: ReadResult = await threads.read(task, (progress) => told.push(progress), new AbortController().signal);
    const output = { format, compression: "none" } as const;
    const parts: string[] = [];
    for (let fromRow = 0; fromRow < rows; fromRow += chunkRows) {
      const toRow = Math.min(rows, fromRow + chunkRows);
      const answers = [];
      for (const { place } of told.filter(({ place: { firstRow, rows: count } }) => firstRow < toRow && firstRow + count > fromRow)) {
        const block = await threads.block(job, place);
        const range = { fromRow: Math.max(fromRow, place.firstRow), toRow: Math.min(toRow, place.firstRow + place.rows) };
        const { from, to } = block.places(range.fromRow, range.toRow);
        const tensors = block.tensors(from, to, (rowShape) => [to - from, ...rowShape]).map((tensor) => ({ ...tensor, data: Uint8Array.from(tensor.data) }));
        answers.push({ block: place, ...range, failed: [], outputs: { kind: "rows", tensors } as const });
      }
      const part = `part-${parts.length}`;
      parts.push(part);
      const names = { inputNames: INPUTS.map(({ name }) => name), outputNames: OUTPUTS.map(({ name }) => name) };
      await threads.write({ folder: job, part, errors: `errors-${part}`, format: output, ...names, keptColumns, answers });
    }
    await threads.join(
      { format: output, kept: keptColumns ?? [], outputs: OUTPUTS, merged: true, parts, target: { path: target, job: "j", fence: 1, folder: job } },
      new AbortController().signal,
    );
  }

  for (const [ending, format] of [
    ["parquet", "parquet"],
    ["arrow", "arrow"],
    ["arrows", "arrow-stream"],
  ] as const) {
    test(`written as ${format} are whole to pyarrow: each column has its type and every bit, each output its own`, async () => {
      const target = join(folder, `ours.${ending}`);
      await passThrough(join(folder, `snappy-1.0.parquet`), target, format, 401);
      const [ours] = pyarrow("read", target) as [Held];
      const expected = { ...held, ...Object.fromEntries(INPUTS.map(({ name }) => [`y_${name}`, held[name]])) };
      assert.deepEqual(Object.keys(ours), Object.keys(expected));
      for (const [name, column] of Object.entries(expected)) assert.deepEqual(ours[name], column, name);
    });

    test(`written as ${format} are the same bytes however the rows were cut into chunks`, async () => {
      const [once, again] = [join(folder, `once.${ending}`), join(folder, `again.${ending}`)];
      await passThrough(join(folder, "None.arrow"), once, format, 3000);
      await passThrough(join(folder, "None.arrow"), again, format, 77);
      assert.ok(readFileSync(once).equals(readFileSync(again)));
    });

    test(`of no rows written as ${format} have their columns`, async () => {
      for (const source of ["empty.parquet", "empty.arrow", "empty.arrows"]) {
        const target = join(folder, `none.${ending}`);
        await passThrough(join(folder, source), target, format, 100);
        const [ours] = pyarrow("read", target) as [Held];
        assert.deepEqual(ours["y_id"], { type: "int64", values: [] });
        assert.equal(ours["at"]?.type, "timestamp[us, tz=UTC]");
      }
    });
  }
});
