// Splits CSV into cells, where they lie: between millions of numbers no text and no object is made for a cell (docs/adr/0012-own-csv-splitter.md).
import { IdiomError } from "../core/errors.ts";
import { type CellRow, cellText, MAX_ROW_BYTES, Piece, type SourceRow } from "./rows.ts";

const QUOTE = 0x22;
const COMMA = 0x2c;
const LINE_FEED = 0x0a;
const CARRIAGE_RETURN = 0x0d;
const BYTE_ORDER_MARK = Buffer.from("\uFEFF");
/** A file whose first bytes, so many, hold a carriage return and no line feed ends its lines with the former. */
const LINE_END_WITHIN = 2 ** 16;
const NOT_YET = -1;

/** Fed with the bytes of a file, it gives their rows. Rows with another number of cells than the header are broken. */
export class CsvSplitter {
  /** Names of the columns; null until the header has come. */
  columns: readonly string[] | null = null;
  /** Of a record whose end is still to come. */
  #rest: Buffer = Buffer.alloc(0);
  #isFirst = true;
  #isLast = false;
  #lineEnd: number | null = null;
  /** Counts from 1; of the record that is looked at. */
  #line = 1;
  #bounds = new Uint32Array(2 ** 12);
  /** Where the bounds of the next row go. */
  #at = 0;
  // What #record has found.
  #cells = 0;
  #lines = 0;
  #doubledQuotes = false;
  #problem = "";

  /**
   * The rows that end within what has come; they are good until the next piece is pushed.
   * @throws IdiomError DATASET_INVALID: a row beyond all bounds.
   */
  push(piece: Buffer): readonly SourceRow[] {
    const bytes = this.#rest.length === 0 ? piece : Buffer.concat([this.#rest, piece]);
    return this.#split(bytes, this.#isFirst && bytes.subarray(0, BYTE_ORDER_MARK.length).equals(BYTE_ORDER_MARK) ? BYTE_ORDER_MARK.length : 0);
  }

  /** The last row, when no line end follows it. @throws IdiomError DATASET_INVALID: also when the file ends within a quote. */
  end(): readonly SourceRow[] {
    this.#isLast = true;
    return this.push(Buffer.alloc(0));
  }

  #split(bytes: Buffer, from: number): readonly SourceRow[] {
    const rows: SourceRow[] = [];
    const piece = new Piece(bytes);
    this.#at = 0;
    this.#lineEnd ??= this.#lineEndOf(bytes);
    let at = from;
    while (this.#lineEnd !== null && at < bytes.length) {
      const next = this.#record(bytes, at, this.#lineEnd);
      if ((next === NOT_YET ? bytes.length : next) - at > MAX_ROW_BYTES) throw this.#tooLong();
      if (next === NOT_YET) break;
      this.#isFirst = false;
      const row = this.#rowOf(piece, at, next);
      if (row !== null) rows.push(row);
      this.#line += this.#lines;
      at = next;
    }
    // A copy of what is left: the piece it comes from is large.
    this.#rest = this.#isFirst ? bytes : Buffer.from(bytes.subarray(at));
    if (this.#rest.length > MAX_ROW_BYTES) throw this.#tooLong();
    return rows;
  }

  /** Null while nothing says it. */
  #lineEndOf(bytes: Buffer): number | null {
    if (bytes.includes(LINE_FEED)) return LINE_FEED;
    if (!this.#isLast && bytes.length < LINE_END_WITHIN) return null;
    return bytes.includes(CARRIAGE_RETURN) ? CARRIAGE_RETURN : LINE_FEED;
  }

  /** Finds the cells of the record at `from`. Returns where the next one begins, or NOT_YET when this one's end is still to come. */
  #record(bytes: Buffer, from: number, lineEnd: number): number {
    const { length } = bytes;
    let cells = 0;
    let lines = 1;
    this.#doubledQuotes = false;
    this.#problem = "";
    for (let at = from; ; at++) {
      let start = at;
      let end: number;
      if (bytes[at] === QUOTE) {
        start = ++at;
        for (; at < length; at++) {
          if (bytes[at] === lineEnd) lines++;
          else if (bytes[at] === QUOTE) {
            if (bytes[at + 1] !== QUOTE) break;
            this.#doubledQuotes = true;
            at++;
          }
        }
        // Whether a quote ends the cell, its next byte says.
        if (at + 1 >= length && !this.#isLast) return NOT_YET;
        if (at >= length) throw this.#torn(lines);
        end = at++;
        if (bytes[at] === CARRIAGE_RETURN && lineEnd === LINE_FEED) {
          if (at + 1 === length && !this.#isLast) return NOT_YET;
          if (at + 1 === length || bytes[at + 1] === LINE_FEED) at++;
        }
        if (at < length && bytes[at] !== COMMA && bytes[at] !== lineEnd)
          return this.#broken(bytes, at, lineEnd, lines, "there is text behind the quote that ends a cell");
      } else {
        let byte = bytes[at];
        for (; at < length && byte !== COMMA && byte !== lineEnd; byte = bytes[++at])
          if (byte === QUOTE) return this.#broken(bytes, at, lineEnd, lines, "there is a quote within a cell that does not begin with one");
        if (at >= length && !this.#isLast) return NOT_YET;
        end = at;
        if (lineEnd === LINE_FEED && end > start && bytes[end - 1] === CARRIAGE_RETURN && byte !== COMMA) end--;
      }
      this.#bound(cells++, start, end);
      if (at >= length || bytes[at] === lineEnd) {
        this.#cells = cells;
        this.#lines = lines;
        return Math.min(length, at + 1);
      }
    }
  }

  #bound(cell: number, start: number, end: number): void {
    const at = this.#at + 2 * cell;
    if (at + 2 > this.#bounds.length) {
      // Rows that were given out already keep the one before.
      const grown = new Uint32Array(2 * this.#bounds.length);
      grown.set(this.#bounds);
      this.#bounds = grown;
    }
    this.#bounds[at] = start;
    this.#bounds[at + 1] = end;
  }

  /** Nothing is known of what follows on the record's line. */
  #broken(bytes: Buffer, at: number, lineEnd: number, lines: number, problem: string): number {
    const end = bytes.indexOf(lineEnd, at);
    if (end === -1 && !this.#isLast) return NOT_YET;
    this.#problem = `line ${this.#line + lines - 1}: ${problem}`;
    this.#lines = lines;
    return end === -1 ? bytes.length : end + 1;
  }

  /** The record that was found last, [from, to); null when it is an empty line, or the header. */
  #rowOf(piece: Piece, from: number, to: number): SourceRow | null {
    const { columns } = this;
    if (this.#problem !== "" && columns === null) throw new IdiomError("DATASET_INVALID", `the line of column names cannot be read: ${this.#problem}`);
    if (this.#problem !== "") return { kind: "broken", cause: this.#problem, data: piece.bytes.toString("utf8", from, to).trimEnd() };
    const cells = this.#cells;
    const row: CellRow = { kind: "cells", piece, bounds: this.#bounds, at: this.#at };
    if (cells === 1 && row.bounds[row.at] === row.bounds[row.at + 1] && piece.bytes[from] !== QUOTE) return null;
    if (columns === null) {
      this.columns = this.#texts(row, cells);
      return null;
    }
    if (cells !== columns.length) return { kind: "broken", cause: `${cells} cells where the header has ${columns.length}`, data: this.#texts(row, cells) };
    if (this.#doubledQuotes) return { kind: "text", cells: this.#texts(row, cells) };
    this.#at += 2 * cells;
    return row;
  }

  #texts(row: CellRow, cells: number): string[] {
    const texts = Array.from({ length: cells }, (_, column) => cellText(row, column));
    return this.#doubledQuotes ? texts.map((text) => text.replaceAll('""', '"')) : texts;
  }

  #tooLong(): IdiomError {
    return new IdiomError(
      "DATASET_INVALID",
      `the row at line ${this.#line} has more than ${MAX_ROW_BYTES / 2 ** 20} MiB; is a quote left open, or is this no CSV?`,
    );
  }

  #torn(lines: number): IdiomError {
    return new IdiomError("DATASET_INVALID", `the file ends inside a quoted cell (line ${this.#line + lines - 1}): it is torn, or a quote was left open`);
  }
}
