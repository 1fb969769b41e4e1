// idiom describe model: one model in full.
import type { Command } from "commander";
import { stringify } from "yaml";
import { Client, type ModelIndex, type ModelMetadata, type TensorMetadata } from "../client.ts";
import { CliFailure, EXIT } from "../failure.ts";
import { formatOption, type GlobalOptions, serverOption } from "../options.ts";
import { plainTable, print } from "../output.ts";

interface Description {
  readonly name: string;
  readonly runtime: string | null;
  readonly versions: ModelIndex[];
  readonly inputs: TensorMetadata[];
  readonly outputs: TensorMetadata[];
}

export function registerDescribe(program: Command): void {
  program
    .command("describe <kind> <name>")
    .description("show one model in full: describe model NAME")
    .addOption(serverOption())
    .addOption(formatOption(["table", "json", "yaml"]))
    .action(async (kind: string, name: string, options: GlobalOptions) => {
      if (kind !== "model" && kind !== "models") throw new CliFailure(`cannot describe '${kind}'; there is: idiom describe model NAME`, EXIT.usage);
      const client = new Client(options.server);
      try {
        printDescription(await describe(client, name), options);
      } finally {
        client.close();
      }
    });
}

async function describe(client: Client, name: string): Promise<Description> {
  const versions = (await client.index()).filter((entry) => entry.name === name);
  if (versions.length === 0) throw new CliFailure(`there is no model '${name}'; see: idiom get models`, EXIT.notFound);
  const ready = versions.some((entry) => entry.state === "READY");
  const metadata: ModelMetadata | null = ready ? await client.metadata(name, "") : null;
  return { name, runtime: metadata?.platform ?? null, versions, inputs: metadata?.inputs ?? [], outputs: metadata?.outputs ?? [] };
}

function printDescription(description: Description, { output }: GlobalOptions): void {
  if (output === "json") return print(JSON.stringify(description, null, 2));
  if (output === "yaml") return print(stringify(description).trimEnd());
  print(`Name:      ${description.name}`);
  if (description.runtime !== null) print(`Runtime:   ${description.runtime}`);
  print("Versions:");
  for (const { version, state, reason } of description.versions)
    print(`  ${version}  ${state}${reason === "" ? "" : `\n     ${reason.replaceAll("\n", "\n     ")}`}`);
  printTensors("Inputs", description.inputs);
  printTensors("Outputs", description.outputs);
}

function printTensors(title: string, tensors: readonly TensorMetadata[]): void {
  if (tensors.length === 0) return;
  print(`${title}:`);
  const table = plainTable(
    ["NAME", "DATATYPE", "SHAPE"],
    tensors.map((tensor) => [tensor.name, tensor.datatype, `[${tensor.shape.join(",")}]`]),
  );
  print(table.replaceAll(/^/gm, "  "));
}
