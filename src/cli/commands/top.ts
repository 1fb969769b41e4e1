// idiom top: what each version has to do, refreshed at a terminal, printed once anywhere else.
import { setTimeout as delay } from "node:timers/promises";
import type { Command } from "commander";
import { type AdminClient, withAdmin } from "../admin-client.ts";
import { EXIT } from "../failure.ts";
import { loadTable } from "../load-table.ts";
import { type GlobalOptions, serverOption } from "../options.ts";
import { age, print } from "../output.ts";

const REFRESH_MS = 1000;
const CLEAR = "\u001b[H\u001b[J";

export function registerTop(program: Command): void {
  program
    .command("top")
    .description("show what each version has to do: requests, latency, queue, instances")
    .addOption(serverOption())
    .action(({ server }: Pick<GlobalOptions, "server">) =>
      withAdmin(server, async (admin) => {
        if (!process.stdout.isTTY) return print(await screen(admin, server));
        process.once("SIGINT", () => process.exit(EXIT.interrupted));
        for (;;) {
          print(CLEAR + (await screen(admin, server)));
          await delay(REFRESH_MS);
        }
      }),
    );
}

async function screen(admin: AdminClient, server: string): Promise<string> {
  const { accepting, uptimeMs, problems, versions } = await admin.status();
  const head = `${server}   up ${age(uptimeMs)}   ${accepting ? "takes calls" : "takes no calls"}   problems: ${problems.length}`;
  return `${head}\n\n${loadTable(versions)}`;
}
