// What a person types (`-i age=3`, a JSON file, a CSV file) to the inputs of a request, by the model's own signature.
import { readFileSync } from "node:fs";
import { parse as parseCsv } from "csv-parse/sync";
import { type JsonTensor, type JsonValue, parseJsonExact } from "../core/json-tensor.ts";
import type { ModelMetadata, TensorMetadata } from "./client.ts";
import { CliFailure, EXIT } from "./failure.ts";

type Row = Readonly<Record<string, JsonValue | undefined>>;

/** `name=value` pairs; a value is a number, text, JSON, or `@file` with JSON. */
export function inputsFromPairs(pairs: readonly string[], model: ModelMetadata): JsonTensor[] {
  const values = new Map<string, JsonValue>();
  for (const pair of pairs) {
    const cut = pair.indexOf("=");
    if (cut < 1) throw new CliFailure(`'-i ${pair}' is not understood; write -i name=value`, EXIT.usage);
    const name = pair.slice(0, cut);
    const spec = model.inputs.find((input) => input.name === name);
    if (spec === undefined) throw invalid(`model '${model.name}' has no input '${name}'; it has ${names(model)}`);
    values.set(name, parseArgument(pair.slice(cut + 1), spec));
  }
  return model.inputs.map((spec) => {
    const value = values.get(spec.name);
    if (value === undefined) throw invalid(`input '${spec.name}' (${spec.datatype}) is missing; model '${model.name}' has ${names(model)}`);
    return toTensor(spec, value);
  });
}

/** OIP JSON (`{"inputs": [...]}`), one row (`{"age": 3}`), or rows (`[{"age": 3}, ...]`). `source` is the JSON itself or `@file`. */
export function inputsFromJson(source: string, model: ModelMetadata): JsonTensor[] {
  const text = source.startsWith("@") ? readInput(source.slice(1)) : source;
  let json: unknown;
  try {
    json = parseJsonExact(text);
  } catch (error) {
    throw invalid(`--json: ${(error as Error).message}; a file is named with @, as in --json @request.json`);
  }
  if (Array.isArray(json)) return inputsFromRows(json as Row[], model);
  if (typeof json !== "object" || json === null) throw invalid('--json: expected {"inputs": [...]}, a row or a list of rows');
  if ("inputs" in json && Array.isArray(json.inputs)) return json.inputs as JsonTensor[];
  return inputsFromRows([json as Row], model);
}

/** The rows of a CSV file with a header line, as text. */
export function readCsvRows(path: string): Record<string, string>[] {
  try {
    return parseCsv(readInput(path), { columns: true, bom: true, skip_empty_lines: true }) as Record<string, string>[];
  } catch (error) {
    if (error instanceof CliFailure) throw error;
    throw invalid(`${path}: ${(error as Error).message}`);
  }
}

/** Rows of a CSV file: columns that are no input are left alone, an empty cell is a missing value. */
export function inputsFromCsvRows(rows: readonly Readonly<Record<string, string>>[], model: ModelMetadata): JsonTensor[] {
  const typed = rows.map((row, i) =>
    Object.fromEntries(
      model.inputs.map((spec) => {
        const cell = Object.hasOwn(row, spec.name) ? row[spec.name] : undefined;
        if (cell === undefined) throw invalid(`the CSV file has no column '${spec.name}'; model '${model.name}' has ${names(model)}`);
        return [spec.name, parseCell(cell, spec, i)];
      }),
    ),
  );
  return inputsFromRows(typed, model);
}

function inputsFromRows(rows: readonly Row[], model: ModelMetadata): JsonTensor[] {
  return model.inputs.map((spec) => {
    const data = rows.map((row, i) => {
      const value = Object.hasOwn(row, spec.name) ? row[spec.name] : undefined;
      if (value === undefined) throw invalid(`row ${i} has no '${spec.name}'; model '${model.name}' has ${names(model)}`);
      return value;
    });
    return { name: spec.name, datatype: spec.datatype, shape: nestedShape(data), data };
  });
}

function parseCell(cell: string, spec: TensorMetadata, row: number): JsonValue {
  if (spec.datatype === "BYTES") return cell;
  if (cell === "") {
    if (spec.datatype.startsWith("FP") || spec.datatype === "BF16") return "NaN";
    throw invalid(
      `row ${row}, column '${spec.name}': an empty cell is no ${spec.datatype}; write the value that the model's signature gives for a missing one`,
    );
  }
  return parseValue(cell, spec);
}

function parseArgument(text: string, spec: TensorMetadata): JsonValue {
  const source = text.startsWith("@") ? readInput(text.slice(1)) : text;
  return spec.datatype === "BYTES" && !source.trimStart().startsWith("[") ? source : parseValue(source, spec);
}

function parseValue(source: string, spec: TensorMetadata): JsonValue {
  if (source === "NaN" || source === "Infinity" || source === "-Infinity") return source;
  try {
    return parseJsonExact(source) as JsonValue;
  } catch {
    throw invalid(`input '${spec.name}': "${source}" is no ${spec.datatype}`);
  }
}

/** A bare value becomes a tensor of one row where it lacks the dimension of the rows. */
function toTensor(spec: TensorMetadata, value: JsonValue): JsonTensor {
  const shape = nestedShape(value);
  const full = shape.length === rankOf(spec) - 1 ? [1, ...shape] : shape;
  return { name: spec.name, datatype: spec.datatype, shape: full, data: Array.isArray(value) ? value : [value] };
}

/** A column is declared as [n] or [n,1], and [n] is accepted for both. */
function rankOf({ shape }: TensorMetadata): number {
  return shape.length === 2 && shape[1] === 1 ? 1 : shape.length;
}

function nestedShape(value: JsonValue): number[] {
  return Array.isArray(value) ? [value.length, ...(value.length > 0 ? nestedShape(value[0] as JsonValue) : [])] : [];
}

function readInput(path: string): string {
  try {
    return readFileSync(path === "-" ? 0 : path, "utf8");
  } catch (error) {
    throw invalid(`cannot read ${path}: ${(error as Error).message}`);
  }
}

function names(model: ModelMetadata): string {
  return model.inputs.map((input) => `${input.name} (${input.datatype})`).join(", ");
}

function invalid(message: string): CliFailure {
  return new CliFailure(message, EXIT.invalid);
}
