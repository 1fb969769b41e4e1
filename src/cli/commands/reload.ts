// idiom reload: the server reads its models folder now.
import type { Command } from "commander";
import picocolors from "picocolors";
import type { VersionChange } from "../../core/admin.ts";
import { withAdmin } from "../admin-client.ts";
import { EXIT } from "../failure.ts";
import { formatOption, type GlobalOptions, serverOption, timeoutOption } from "../options.ts";
import { type Column, FORMATS, firstLine, note, printRows, shortDigest } from "../output.ts";

interface ReloadOptions extends GlobalOptions {
  readonly wait: boolean;
  readonly timeout: number;
}

const COLUMNS: readonly Column<VersionChange>[] = [
  { title: "NAME", value: (change) => change.name },
  { title: "VERSION", value: (change) => change.version },
  { title: "CHANGE", value: (change) => change.change },
  { title: "RESULT", value: (change) => change.result },
  { title: "DIGEST", value: (change) => shortDigest(change.digest) },
  { title: "NODE", value: (change) => change.node },
  { title: "REASON", value: (change) => firstLine(change.reason) },
];

export function registerReload(program: Command): void {
  program
    .command("reload")
    .description("let every node read its models folder now; exit code 5 when something in it cannot be loaded, 1 when a node does not do it")
    .option("--no-wait", "do not wait until what has changed is ready")
    .addOption(timeoutOption("stop waiting after this; the server goes on loading", "2m"))
    .addOption(serverOption())
    .addOption(formatOption(FORMATS))
    .action(async ({ server, output, wait, timeout }: ReloadOptions) => {
      const { changes, problems } = await withAdmin(server, (admin) => admin.reloadModels(wait, timeout));
      for (const problem of problems) note(picocolors.yellow(problem));
      if (changes.length === 0) note("nothing has changed");
      if (changes.length > 0 || output === "json" || output === "yaml") printRows(changes, COLUMNS, (change) => `${change.name}/${change.version}`, output);
      if (changes.some((change) => change.result === "failed")) process.exitCode = EXIT.invalid;
      else if (problems.length > 0) process.exitCode = EXIT.failed;
    });
}
