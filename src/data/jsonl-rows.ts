// JSON Lines: one object a line. A line that is none is that row's error.
import { IdiomError } from "../core/errors.ts";
import { type JsonValue, parseJsonExact } from "../core/json-tensor.ts";
import { MAX_ROW_BYTES, type RowSource, type SourceRow } from "./rows.ts";

const NEWLINE = 0x0a;

/** @throws IdiomError DATASET_INVALID when a line is longer than a row may be. */
export function jsonlRows(bytes: AsyncIterable<Buffer>): RowSource {
  return { columns: null, batches: lineBatches(bytes) };
}

async function* lineBatches(bytes: AsyncIterable<Buffer>): AsyncGenerator<readonly SourceRow[], void, void> {
  let pending: Buffer[] = [];
  let pendingBytes = 0;
  for await (const piece of bytes) {
    const end = piece.lastIndexOf(NEWLINE) + 1;
    if (end > 0) {
      const lines = Buffer.concat([...pending, piece.subarray(0, end)]).toString("utf8");
      pending = [];
      pendingBytes = 0;
      yield rowsOf(lines);
    }
    if (end === piece.length) continue;
    pending.push(piece.subarray(end));
    pendingBytes += piece.length - end;
    if (pendingBytes > MAX_ROW_BYTES)
      throw new IdiomError("DATASET_INVALID", `a line has more than ${MAX_ROW_BYTES / 2 ** 20} MiB; is this no JSON Lines file?`);
  }
  if (pendingBytes > 0) yield rowsOf(Buffer.concat(pending).toString("utf8"));
}

function rowsOf(lines: string): SourceRow[] {
  const rows: SourceRow[] = [];
  for (const line of lines.split("\n")) {
    const text = line.trim();
    if (text !== "" && text !== "\uFEFF") rows.push(rowOf(text));
  }
  return rows;
}

function rowOf(text: string): SourceRow {
  let value: unknown;
  try {
    value = parseJsonExact(text);
  } catch (error) {
    return { kind: "broken", cause: `no JSON: ${(error as Error).message}`, data: text };
  }
  if (typeof value !== "object" || value === null || Array.isArray(value)) return { kind: "broken", cause: "no JSON object", data: text };
  return { kind: "values", values: value as Record<string, JsonValue> };
}
