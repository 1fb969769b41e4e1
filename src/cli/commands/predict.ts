// idiom predict: one call, or a CSV file row by row, against a running server.
import type { Command } from "commander";
import { stringify as stringifyYaml } from "yaml";
import { type JsonTensor, type JsonValue, stringifyExact } from "../../core/json-tensor.ts";
import { Client, type InferAnswer } from "../client.ts";
import { CliFailure, EXIT } from "../failure.ts";
import { formatOption, type GlobalOptions, parsePositive, serverOption } from "../options.ts";
import { plainTable, print } from "../output.ts";
import { inputsFromCsvRows, inputsFromJson, inputsFromPairs, readCsvRows } from "../request-inputs.ts";

interface PredictOptions extends GlobalOptions {
  readonly input: string[];
  readonly json?: string;
  readonly csv?: string;
  readonly modelVersion: string;
  readonly rows: number;
}

export function registerPredict(program: Command): void {
  program
    .command("predict <model>")
    .description("call a model")
    .option("-i, --input <name=value...>", "one input; a value may be JSON, or @file with JSON", [])
    .option("--json <json>", "a whole request: OIP JSON, a row, or a list of rows; @file reads a file, @- standard input")
    .option("--csv <file>", "call for every row of a CSV file with a header; prints CSV")
    .option("--model-version <n>", "a version; without it the newest that is ready", "")
    .option("--rows <n>", "rows in one request, with --csv", parsePositive, 32)
    .addOption(serverOption())
    .addOption(formatOption(["table", "json", "yaml"]))
    .addHelpText(
      "after",
      "\nExamples:\n  idiom predict diabetes -i age=0.04 -i bmi=0.06 ...\n  idiom predict penguins --csv new.csv > scored.csv\n  idiom predict wine --json @request.json -o json",
    )
    .action(predict);
}

async function predict(model: string, options: PredictOptions): Promise<void> {
  const given = [options.input.length > 0, options.json !== undefined, options.csv !== undefined].filter(Boolean).length;
  if (given !== 1) throw new CliFailure("give the inputs one way: -i name=value, --json @file, or --csv file", EXIT.usage);
  const client = new Client(options.server);
  try {
    if (options.csv !== undefined) await predictCsv(client, model, options, options.csv);
    else printAnswer(await predictOnce(client, model, options), options);
  } finally {
    client.close();
  }
}

async function predictOnce(client: Client, model: string, options: PredictOptions): Promise<InferAnswer> {
  const metadata = await client.metadata(model, options.modelVersion);
  const inputs = options.json === undefined ? inputsFromPairs(options.input, metadata) : inputsFromJson(options.json, metadata);
  return client.infer(model, options.modelVersion, inputs);
}

async function predictCsv(client: Client, model: string, options: PredictOptions, path: string): Promise<void> {
  const metadata = await client.metadata(model, options.modelVersion);
  const rows = readCsvRows(path);
  const { columns, lines } = csvWriter(metadata.outputs.map((output) => output.name));
  print(columns);
  for (let at = 0; at < rows.length; at += options.rows) {
    const { outputs } = await client.infer(model, options.modelVersion, inputsFromCsvRows(rows.slice(at, at + options.rows), metadata));
    print(lines(outputs));
  }
}

function csvWriter(names: readonly string[]): { columns: string; lines: (outputs: readonly JsonTensor[]) => string } {
  const cell = (value: JsonValue | undefined): string => {
    const text = Array.isArray(value) ? stringifyExact(value) : String(value);
    return /[",\n\r]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
  };
  return {
    columns: names.map(cell).join(","),
    lines: (outputs) =>
      rowsOf(outputs)
        .map((row) => row.map(cell).join(","))
        .join("\n"),
  };
}

function printAnswer({ outputs }: InferAnswer, { output }: PredictOptions): void {
  if (output === "json") return print(stringifyExact({ outputs }, 2));
  if (output === "yaml") return print(stringifyYaml({ outputs }).trimEnd());
  const rows = rowsOf(outputs);
  print(
    plainTable(
      outputs.map((tensor) => tensor.name.toUpperCase()),
      rows.map((row) => row.map((value) => (Array.isArray(value) ? stringifyExact(value) : String(value)))),
    ),
  );
}

/** The outputs' values row by row; a tensor of higher rank gives a list per row, a scalar one row. */
function rowsOf(outputs: readonly JsonTensor[]): JsonValue[][] {
  const count = Math.max(0, ...outputs.map((tensor) => tensor.shape[0] ?? 1));
  return Array.from({ length: count }, (_, row) =>
    outputs.map((tensor) => {
      const perRow = tensor.shape.slice(1).reduce((product, dimension) => product * dimension, 1);
      const values = tensor.data.slice(row * perRow, (row + 1) * perRow);
      return perRow === 1 ? (values[0] ?? "") : values;
    }),
  );
}
