// Rows of answers as text: CSV and JSON Lines. Numbers have the fewest digits that still name the same value.
import { isAscii } from "node:buffer";
import { DATATYPES, type Datatype } from "../core/datatype.ts";
import { type ElementReader, elementReader, type JsonValue, stringifyExact } from "../core/json-tensor.ts";
import { elementCount, type Tensor } from "../core/tensor.ts";
import { textOf } from "./column-value.ts";

/** Takes one value for a row from each of the outputs. */
export type RowReader = (row: number) => JsonValue;

/** Reads the rows of a tensor with rows; `rows` null: the tensor is one row's answer, and a first dimension of 1 is the row's. */
export function rowReader(tensor: Tensor, rows: number | null): RowReader {
  const shape = rows === null && tensor.shape[0] !== 1 ? tensor.shape : tensor.shape.slice(1);
  const perRow = elementCount(shape);
  const element = reader(tensor);
  // [n,1] is a column.
  if (shape.length === 0 || (shape.length === 1 && shape[0] === 1)) return element;
  return (row) => nested(shape, 0, row * perRow, perRow, element);
}

/** The lists of `count` elements from `at` on, from the dimension `depth` inwards. */
export function nested<Value>(shape: readonly number[], depth: number, at: number, count: number, element: (i: number) => Value): Nested<Value>[] {
  const size = shape[depth] as number;
  const step = size === 0 ? 0 : count / size;
  return Array.from({ length: size }, (_, i) => (depth === shape.length - 1 ? element(at + i) : nested(shape, depth + 1, at + i * step, step, element)));
}

function reader({ datatype, data }: Tensor): RowReader {
  if (datatype === "BYTES") return textReader(data);
  const view = new DataView(data.buffer, data.byteOffset, data.byteLength);
  const size = DATATYPES[datatype as Exclude<Datatype, "BYTES">].size;
  const read: ElementReader = elementReader(datatype);
  return (i) => read(view, i * size);
}

function textReader(data: Uint8Array): RowReader {
  const bytes = Buffer.from(data.buffer, data.byteOffset, data.byteLength);
  const ends: number[] = [];
  for (let at = 0; at < bytes.length; at = ends.at(-1) as number) ends.push(at + 4 + bytes.readUInt32LE(at));
  const plain = isAscii(bytes);
  return (i) => {
    const from = 4 + (i === 0 ? 0 : (ends[i - 1] as number));
    return plain ? bytes.toString("latin1", from, ends[i]) : textOf(bytes.subarray(from, ends[i]));
  };
}

type Nested<Value> = Value | Nested<Value>[];

export function csvLine(values: readonly JsonValue[]): string {
  let line = "";
  for (let i = 0; i < values.length; i++) line += (i === 0 ? "" : ",") + csvCell(values[i] as JsonValue);
  return `${line}\n`;
}

export function csvCell(value: JsonValue): string {
  if (typeof value === "number") return numberText(value);
  if (value === null) return "";
  const text = Array.isArray(value) ? jsonText(value) : String(value);
  return /[",\n\r]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}

/** `prefix`: members that are JSON already, as `"id":1,`. */
export function jsonLine(names: readonly string[], values: readonly JsonValue[], prefix: string): string {
  let line = `{${prefix}`;
  for (let i = 0; i < values.length; i++) line += `${i === 0 ? "" : ","}${names[i]}:${jsonText(values[i] as JsonValue)}`;
  return `${line}}\n`;
}

function jsonText(value: JsonValue): string {
  if (typeof value === "number") return numberText(value);
  if (Array.isArray(value)) return `[${value.map(jsonText).join(",")}]`;
  return stringifyExact(value);
}

/** JavaScript drops the sign of -0. */
function numberText(value: number): string {
  return value === 0 && Object.is(value, -0) ? "-0" : String(value);
}
