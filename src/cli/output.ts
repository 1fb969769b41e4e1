// How the CLI prints: data to standard output as a table, JSON, YAML or names; everything else to standard error.
import Table from "cli-table3";
import { stringify } from "yaml";
import { stringifyExact } from "../core/json-tensor.ts";

export const FORMATS = ["table", "wide", "json", "yaml", "name"] as const;
export type Format = (typeof FORMATS)[number];

export interface Column<Row> {
  readonly title: string;
  readonly value: (row: Row) => string;
  /** Shown only with `-o wide`. */
  readonly wide?: boolean;
}

/** Prints rows in the format asked for. `name` is what `-o name` prints of a row; JSON and YAML print the rows themselves. */
export function printRows<Row extends object>(rows: readonly Row[], columns: readonly Column<Row>[], name: (row: Row) => string, format: Format): void {
  switch (format) {
    case "json":
      return print(stringifyExact(rows, 2));
    case "yaml":
      return print(stringify(rows).trimEnd());
    case "name":
      return rows.forEach((row) => void print(name(row)));
    case "table":
    case "wide": {
      const shown = columns.filter((column) => format === "wide" || column.wide !== true);
      return print(
        plainTable(
          shown.map((column) => column.title),
          rows.map((row) => shown.map((column) => column.value(row))),
        ),
      );
    }
  }
}

/** A table without borders, as kubectl prints them. */
export function plainTable(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const none = {
    top: "",
    "top-mid": "",
    "top-left": "",
    "top-right": "",
    bottom: "",
    "bottom-mid": "",
    "bottom-left": "",
    "bottom-right": "",
    left: "",
    "left-mid": "",
    mid: "",
    "mid-mid": "",
    right: "",
    "right-mid": "",
    middle: "   ",
  };
  const table = new Table({ head: [...head], chars: none, style: { head: [], border: [], "padding-left": 0, "padding-right": 0 } });
  table.push(...rows.map((row) => [...row]));
  return table
    .toString()
    .split("\n")
    .map((line) => line.trimEnd())
    .join("\n");
}

/** The first twelve digits: enough to tell contents apart. */
export function shortDigest(digest: string): string {
  return digest.slice(0, 12);
}

export function firstLine(text: string): string {
  return text.split("\n")[0] as string;
}

/** "8s", "12m", "3h", "5d". */
export function age(ms: number): string {
  const seconds = Math.max(0, Math.floor(ms / 1000));
  if (seconds < 120) return `${seconds}s`;
  if (seconds < 7200) return `${Math.floor(seconds / 60)}m`;
  return seconds < 172_800 ? `${Math.floor(seconds / 3600)}h` : `${Math.floor(seconds / 86_400)}d`;
}

/** A colour, or a control character that is no line feed and no tab. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what it is about
const CONTROL = /\u{1b}\[[\d;]*m|(?![\n\t])\p{Cc}/gu;

/** On a terminal, words of a model shall move no cursor and name no window: of what controls it, colours alone are left. */
export function shown(text: string, isTerminal: boolean): string {
  if (!isTerminal) return text;
  return text.replace(CONTROL, (found) => (found.length > 1 ? found : `\\x${found.charCodeAt(0).toString(16).padStart(2, "0")}`));
}

export function print(text: string): void {
  process.stdout.write(`${shown(text, process.stdout.isTTY)}\n`);
}

export function note(text: string): void {
  process.stderr.write(`${shown(text, process.stderr.isTTY)}\n`);
}
