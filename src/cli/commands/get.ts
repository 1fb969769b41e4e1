// idiom get models: every version and its state.
import type { Command } from "commander";
import { Client, type ModelIndex } from "../client.ts";
import { formatOption, type GlobalOptions, serverOption } from "../options.ts";
import { type Column, FORMATS, printRows } from "../output.ts";

const COLUMNS: readonly Column<ModelIndex>[] = [
  { title: "NAME", value: (model) => model.name },
  { title: "VERSION", value: (model) => model.version },
  { title: "STATE", value: (model) => model.state },
  { title: "REASON", value: (model) => model.reason.split("\n")[0] ?? "", wide: true },
];

export function registerGet(program: Command): void {
  const get = program.command("get").description("list what a running server has");
  get
    .command("models")
    .alias("model")
    .description("list models, their versions and states")
    .addOption(serverOption())
    .addOption(formatOption(FORMATS))
    .action(async (options: GlobalOptions) => {
      const client = new Client(options.server);
      try {
        printRows(await client.index(), COLUMNS, (model) => `${model.name}/${model.version}`, options.output);
      } finally {
        client.close();
      }
    });
}
