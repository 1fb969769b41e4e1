// CSV in pieces cut anywhere, held against another parser.
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { parse } from "csv-parse/sync";
import { CsvSplitter } from "../../../src/data/csv-splitter.ts";
import { cellText } from "../../../src/data/rows.ts";

interface Read {
  readonly columns: readonly string[] | null;
  /** The cells of each row, or what is wrong with it. */
  readonly rows: readonly (readonly string[] | string)[];
}

function read(text: string, pieceBytes = Number.POSITIVE_INFINITY): Read {
  const splitter = new CsvSplitter();
  const bytes = Buffer.from(text);
  const rows: (readonly string[] | string)[] = [];
  const take = (batch: ReturnType<CsvSplitter["push"]>): void => {
    for (const row of batch) {
      if (row.kind === "cells") rows.push((splitter.columns ?? []).map((_, column) => cellText(row, column)));
      else if (row.kind === "text") rows.push(row.cells);
      else if (row.kind === "broken") rows.push(row.cause);
    }
  };
  for (let at = 0; at < bytes.length; at += pieceBytes) take(splitter.push(bytes.subarray(at, at + pieceBytes)));
  take(splitter.end());
  return { columns: splitter.columns, rows };
}

const TRICKY = '\uFEFFa,"b ""c""",ü\r\n1,2,3\r\n\r\n"x,y","two\nlines",\n,,\n"say ""hi""","","é"\nshort\n1,"2"3,4\n1,2"3,4\nlast,"row",✓';

describe("CSV", () => {
  test("is the same wherever its pieces are cut", () => {
    const whole = read(TRICKY);
    assert.deepEqual(whole, {
      columns: ["a", 'b "c"', "ü"],
      rows: [
        ["1", "2", "3"],
        ["x,y", "two\nlines", ""],
        ["", "", ""],
        ['say "hi"', "", "é"],
        "1 cells where the header has 3",
        "line 9: there is text behind the quote that ends a cell",
        "line 10: there is a quote within a cell that does not begin with one",
        ["last", "row", "✓"],
      ],
    });
    for (let bytes = 1; bytes < TRICKY.length; bytes++) assert.deepEqual(read(TRICKY, bytes), whole, `in pieces of ${bytes}`);
  });

  test("is what another parser finds in it", () => {
    const pick = <Item>(items: readonly Item[]): Item => items[Math.floor(Math.random() * items.length)] as Item;
    for (let round = 0; round < 300; round++) {
      const width = 1 + Math.floor(Math.random() * 4);
      const lineEnd = pick(["\n", "\r\n"]);
      const cell = (): string => {
        const text = Array.from({ length: Math.floor(Math.random() * 4) }, () => pick(["a", "1", ".", " ", "é", ",", '"', "\n", "\r\n"])).join("");
        return /[",\r\n]/.test(text) || Math.random() < 0.2 ? `"${text.replaceAll('"', '""')}"` : text;
      };
      const header = Array.from({ length: width }, (_, i) => `c${i}`).join(",");
      const lines = Array.from({ length: 8 }, () => Array.from({ length: pick([width, width, width, width + 1]) }, cell).join(","));
      const text = `${[header, ...lines].join(lineEnd)}${pick(["", lineEnd])}`;
      const [, ...expected] = parse(text, { relax_column_count: true, skip_empty_lines: true }) as string[][];
      const { rows } = read(text, 1 + Math.floor(Math.random() * 20));
      assert.deepEqual(
        rows,
        expected.map((cells) => (cells.length === width ? cells : `${cells.length} cells where the header has ${width}`)),
        JSON.stringify(text),
      );
    }
  });

  test("may end its lines with carriage returns alone", () => {
    assert.deepEqual(read('a,b\r1,"2\r3"\r\r4,5', 3), {
      columns: ["a", "b"],
      rows: [
        ["1", "2\r3"],
        ["4", "5"],
      ],
    });
  });
});
