// idiom drain: a node finishes what runs and takes nothing new.
import type { Command } from "commander";
import { withAdmin } from "../admin-client.ts";
import { type GlobalOptions, serverOption, timeoutOption } from "../options.ts";
import { note, print } from "../output.ts";

interface DrainOptions extends Pick<GlobalOptions, "server"> {
  readonly timeout: number;
}

export function registerDrain(program: Command): void {
  program
    .command("drain <node>")
    .description("let a node finish what runs and take nothing new, until it is started again")
    .addOption(timeoutOption("stop waiting after this; the node goes on draining", "2m"))
    .addOption(serverOption())
    .action(async (name: string, { server, timeout }: DrainOptions) => {
      note(`draining ${name} ...`);
      const node = await withAdmin(server, (admin) => admin.drainNode(name, timeout));
      print(`${node.name} ${node.state}`);
    });
}
