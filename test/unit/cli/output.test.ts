import assert from "node:assert/strict";
import { describe, type TestContext, test } from "node:test";
import { type Column, FORMATS, type Format, plainTable, printRows, shown } from "../../../src/cli/output.ts";

interface Row {
  readonly name: string;
  readonly rows: number | bigint;
}

const COLUMNS: readonly Column<Row>[] = [
  { title: "NAME", value: (row) => row.name },
  { title: "ROWS", value: (row) => String(row.rows), wide: true },
];
const ROWS: readonly Row[] = [
  { name: "churn", rows: 9007199254740993n },
  { name: "a-longer-name", rows: 2 },
];

/** What goes to standard output; standard error stays silent. */
function printed(t: TestContext, format: Format, rows = ROWS): string {
  let text = "";
  const out = t.mock.method(process.stdout, "write", (chunk: string) => {
    text += chunk;
    return true;
  });
  printRows(rows, COLUMNS, (row) => `model/${row.name}`, format);
  out.mock.restore();
  return text;
}

describe("rows are printed", () => {
  const EXPECTED: Record<Format, string> = {
    table: "NAME\nchurn\na-longer-name\n",
    wide: "NAME            ROWS\nchurn           9007199254740993\na-longer-name   2\n",
    json: '[\n  {\n    "name": "churn",\n    "rows": 9007199254740993\n  },\n  {\n    "name": "a-longer-name",\n    "rows": 2\n  }\n]\n',
    yaml: "- name: churn\n  rows: 9007199254740993\n- name: a-longer-name\n  rows: 2\n",
    name: "model/churn\nmodel/a-longer-name\n",
  };

  for (const format of FORMATS) {
    test(`as ${format}`, (t) => {
      assert.equal(printed(t, format), EXPECTED[format]);
    });
  }

  test("as nothing but the head where there are none", (t) => {
    assert.deepEqual([printed(t, "table", []), printed(t, "name", []), printed(t, "json", [])], ["NAME\n", "", "[]\n"]);
  });
});

test("a table has no spaces at the ends of its lines, and keeps lines within a cell", () => {
  assert.equal(plainTable(["A", "B"], [["one\ntwo", ""]]), "A     B\none\ntwo");
});

test("on a terminal a model's words are colours at most; elsewhere they are as they are", () => {
  const words = "\u{1b}[31mred\u{1b}[0m\n[1m\t\u{1b}]0;title\u{7}\u{1b}[2J\r\u{9b}1A";
  assert.equal(shown(words, true), "\u{1b}[31mred\u{1b}[0m\n[1m\t\\x1b]0;title\\x07\\x1b[2J\\x0d\\x9b1A");
  assert.equal(shown(words, false), words);
});
