// idiom logs: what models print and what Idiom says.
import type { Command } from "commander";
import picocolors from "picocolors";
import type { LogLine } from "../../core/admin.ts";
import { withAdmin } from "../admin-client.ts";
import { EXIT } from "../failure.ts";
import { formatOption, type GlobalOptions, parseCount, serverOption } from "../options.ts";
import { note, print } from "../output.ts";

interface LogsOptions extends GlobalOptions {
  readonly follow?: boolean;
  readonly tail: number;
}

export function registerLogs(program: Command): void {
  program
    .command("logs [model]")
    .description("print what a model prints and what Idiom says of it; without a model, of all")
    .option("-f, --follow", "go on with what comes")
    .option("--tail <n>", "begin with this many of the newest lines, of each node", parseCount, 100)
    .addOption(serverOption())
    .addOption(formatOption(["table", "json"]))
    .action((model: string | undefined, { server, output, follow, tail }: LogsOptions) =>
      withAdmin(server, async (admin) => {
        process.once("SIGINT", () => process.exit(EXIT.interrupted));
        const nodes = output === "json" ? 1 : (await admin.status()).nodes;
        for await (const { lost, lines } of admin.tailLogs({ model: model ?? "", last: tail, follow: follow ?? false })) {
          if (lost > 0) note(picocolors.yellow(`(${lost} lines lost: they came faster than they could be sent)`));
          if (lines.length > 0) print(lines.map(output === "json" ? (line) => JSON.stringify(line) : (line) => readable(line, nodes > 1)).join("\n"));
        }
      }),
    );
}

function readable({ node, timeMs, level, model, version, instance, stream, message }: LogLine, severalNodes: boolean): string {
  const who = instance || (model === "" ? "idiom" : `${model}/${version}`);
  const what = stream === "" ? `${level.toUpperCase()} ${message}` : message;
  const where = severalNodes ? `${picocolors.magenta(node)} ` : "";
  return `${picocolors.dim(new Date(timeMs).toISOString())} ${where}${picocolors.cyan(who)} ${what}`;
}
