// CSV: a header line, then rows as text. Quotes as in RFC 4180; a broken row is that row's error, a torn file the file's.
import { type CsvError, Parser } from "csv-parse";
import { IdiomError } from "../core/errors.ts";
import { MAX_ROW_BYTES, type RowSource, type SourceRow } from "./rows.ts";

/** @throws IdiomError DATASET_INVALID: no header, a column twice, a row beyond all bounds, an open quote at the end. */
export async function csvRows(bytes: AsyncIterable<Buffer>): Promise<RowSource> {
  const batches = parsedBatches(bytes);
  const first = await batches.next();
  const header = first.done === true ? undefined : first.value[0];
  if (first.done === true || header === undefined) throw new IdiomError("DATASET_INVALID", "the file is empty; a CSV file begins with a line of column names");
  if (header.kind !== "text")
    throw new IdiomError("DATASET_INVALID", `the line of column names cannot be read: ${header.kind === "broken" ? header.cause : ""}`);
  const columns = header.cells;
  const twice = columns.find((name, i) => columns.indexOf(name) !== i);
  if (twice !== undefined) throw new IdiomError("DATASET_INVALID", `the column '${twice}' is there twice`);
  return { columns, batches: widthChecked(first.value.slice(1), batches, columns.length) };
}

async function* widthChecked(
  first: readonly SourceRow[],
  rest: AsyncIterable<readonly SourceRow[]>,
  width: number,
): AsyncGenerator<readonly SourceRow[], void, void> {
  const checked = (row: SourceRow): SourceRow =>
    row.kind !== "text" || row.cells.length === width
      ? row
      : { kind: "broken", cause: `${row.cells.length} cells where the header has ${width}`, data: row.cells };
  yield first.map(checked);
  for await (const batch of rest) yield batch.map(checked);
}

/** The records that each piece of the file completes. */
async function* parsedBatches(bytes: AsyncIterable<Buffer>): AsyncGenerator<readonly SourceRow[], void, void> {
  let batch: SourceRow[] = [];
  let failure: Error | null = null;
  const parser = new Parser({
    bom: true,
    relax_column_count: true,
    skip_empty_lines: true,
    skip_records_with_error: true,
    max_record_size: MAX_ROW_BYTES,
    // Thrown here, it ends the parsing.
    on_skip: (error) => {
      const fatal = fatalError(error, parser.info.lines);
      if (fatal !== null) throw fatal;
      batch.push({ kind: "broken", cause: `line ${parser.info.lines}: ${error?.message ?? "it cannot be parsed"}`, data: null });
      return undefined;
    },
  });
  parser.push = (cells: string[] | null) => {
    if (cells !== null) batch.push({ kind: "text", cells });
    return true;
  };
  parser.on("error", (error) => {
    failure = error;
  });
  const taken = (): readonly SourceRow[] => {
    if (failure !== null) throw failure instanceof IdiomError ? failure : new IdiomError("DATASET_INVALID", failure.message);
    const rows = batch;
    batch = [];
    return rows;
  };
  for await (const piece of bytes) {
    await new Promise<void>((resolve) => parser.write(piece, () => resolve()));
    const rows = taken();
    if (rows.length > 0) yield rows;
  }
  await new Promise<void>((resolve) => parser.end(resolve));
  yield taken();
}

/** What no other row can be trusted after. */
function fatalError(error: CsvError | undefined, line: number): IdiomError | null {
  if (error?.code === "CSV_MAX_RECORD_SIZE")
    return new IdiomError("DATASET_INVALID", `the row at line ${line} has more than ${MAX_ROW_BYTES / 2 ** 20} MiB; is a quote left open, or is this no CSV?`);
  if (error?.code === "CSV_QUOTE_NOT_CLOSED")
    return new IdiomError("DATASET_INVALID", `the file ends inside a quoted cell (line ${line}): it is torn, or a quote was left open`);
  return null;
}
