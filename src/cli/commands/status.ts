// idiom status: whether all is well, and what is not.
import type { Command } from "commander";
import picocolors from "picocolors";
import { stringify } from "yaml";
import type { SystemStatus } from "../../core/admin.ts";
import { sandboxWarning } from "../../core/sandbox-level.ts";
import { withAdmin } from "../admin-client.ts";
import { EXIT } from "../failure.ts";
import { loadTable } from "../load-table.ts";
import { formatOption, type GlobalOptions, serverOption } from "../options.ts";
import { age, print } from "../output.ts";

export function registerStatus(program: Command): void {
  program
    .command("status")
    .description("say whether a server takes calls and what is wrong; exit code 1 when something is")
    .addOption(serverOption())
    .addOption(formatOption(["table", "json", "yaml"]))
    .action(async ({ server, output }: GlobalOptions) => {
      const status = await withAdmin(server, (admin) => admin.status());
      if (output === "json") print(JSON.stringify(status, null, 2));
      else if (output === "yaml") print(stringify(status).trimEnd());
      else {
        const { accepting, problems, idiomVersion, uptimeMs, nodes, versions, sandboxes } = status;
        const word = accepting ? picocolors.green("takes calls") : picocolors.red("takes no calls");
        print(`${server} ${word}   Idiom ${idiomVersion}, up ${age(uptimeMs)}, ${nodes} node${nodes === 1 ? "" : "s"}`);
        for (const problem of problems) print(`${picocolors.yellow("!")} ${problem}`);
        for (const line of sandboxLines(sandboxes)) print(line);
        if (versions.length > 0) print(`\n${loadTable(versions)}`);
      }
      if (!status.accepting || status.problems.length > 0) process.exitCode = EXIT.failed;
    });
}

/** Nodes that confine their models alike share a line. */
function sandboxLines(sandboxes: SystemStatus["sandboxes"]): string[] {
  const alike = Map.groupBy(sandboxes, ({ level, layers }) => JSON.stringify([level, layers]));
  return [...alike.values()].flatMap((nodes) => {
    const { level, layers } = nodes[0] as SystemStatus["sandboxes"][number];
    const where = alike.size === 1 ? "" : ` on ${nodes.map(({ node }) => node).join(", ")}`;
    const warning = sandboxWarning(level);
    const title = warning === null ? `sandbox ${level}${where}` : `${picocolors.yellow("!")} sandbox ${level}${where}: ${warning}`;
    return [title, ...layers.map((layer) => `  ${layer}`)];
  });
}
