// npm run bench -- NAME [--check] [--json] [--quick]
import { Command, Option } from "commander";
import { batch } from "./batch.ts";
import { bombs } from "./bombs.ts";
import { density } from "./density.ts";
import { lanes } from "./lanes.ts";
import { limit } from "./limit.ts";
import { overload } from "./overload.ts";
import { ready } from "./ready.ts";
import { reproduce } from "./reproduce.ts";
import { startup } from "./startup.ts";
import { type Measure, meets, renderTable } from "./support/report.ts";

const BENCHES: Record<string, (quick: boolean) => Promise<Measure[]>> = { limit, lanes, reproduce, ready, startup, density, bombs, overload, batch };

interface Options {
  readonly check: boolean;
  readonly json: boolean;
  readonly quick: boolean;
}

await new Command("bench")
  .argument("[names...]", `which: ${Object.keys(BENCHES).join(", ")}`, Object.keys(BENCHES))
  .addOption(new Option("--check", "exit 1 and name each target that fell short").default(false))
  .addOption(new Option("--json", "print JSON").default(false))
  .addOption(new Option("--quick", "fewer requests, under 50 s").default(false))
  .action(async (names: string[], { check, json, quick }: Options) => {
    const found: Record<string, Measure[]> = {};
    for (const name of names) {
      const bench = BENCHES[name];
      if (bench === undefined) throw new Error(`no benchmark '${name}'; there are: ${Object.keys(BENCHES).join(", ")}`);
      found[name] = await bench(quick);
      if (!json) process.stdout.write(`\n${name}\n\n${renderTable(found[name])}\n`);
    }
    if (json) process.stdout.write(`${JSON.stringify(found, null, 2)}\n`);
    const missed = Object.values(found)
      .flat()
      .filter((measure) => !meets(measure));
    if (check && missed.length > 0) {
      process.stderr.write(`\nmissed: ${missed.map((measure) => measure.what).join("; ")}\n`);
      process.exitCode = 1;
    }
  })
  .parseAsync();
