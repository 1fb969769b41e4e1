import assert from "node:assert/strict";
import { describe, type TestContext, test } from "node:test";
import { type Column, FORMATS, type Format, plainTable, printRows } from "../../../src/cli/output.ts";

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
