// CSV: a header line, then rows as text. Quotes as in RFC 4180; a broken row is that row's error, a torn file the file's.
import { IdiomError } from "../core/errors.ts";
import { CsvSplitter } from "./csv-splitter.ts";
import type { RowSource, SourceRow } from "./rows.ts";

/** @throws IdiomError DATASET_INVALID: no header, a column twice, a row beyond all bounds, an open quote at the end. */
export async function csvRows(bytes: AsyncIterable<Buffer>): Promise<RowSource> {
  const splitter = new CsvSplitter();
  const batches = split(bytes, splitter);
  let first = await batches.next();
  while (splitter.columns === null && first.done !== true) first = await batches.next();
  const { columns } = splitter;
  if (columns === null) throw new IdiomError("DATASET_INVALID", "the file is empty; a CSV file begins with a line of column names");
  const twice = columns.find((name, i) => columns.indexOf(name) !== i);
  if (twice !== undefined) throw new IdiomError("DATASET_INVALID", `the column '${twice}' is there twice`);
  return { columns: columns.map((name) => ({ name, type: { kind: "cell" } })), batches: first.done === true ? batches : chained(first.value, batches) };
}

/** The records that each piece of the file completes. */
async function* split(bytes: AsyncIterable<Buffer>, splitter: CsvSplitter): AsyncGenerator<readonly SourceRow[], void, void> {
  for await (const piece of bytes) yield splitter.push(piece);
  yield splitter.end();
}

async function* chained<Item>(first: Item, rest: AsyncIterable<Item>): AsyncGenerator<Item, void, void> {
  yield first;
  yield* rest;
}
