// ready: from the start of `idiom up` on an installed tree to all four examples loaded and their golden answers checked.
import { join } from "node:path";
import { PACKAGE_ROOT } from "../src/package-root.ts";
import { type Measure, median } from "./support/report.ts";
import { startIdiom } from "./support/server.ts";

export async function ready(quick: boolean): Promise<Measure[]> {
  const seconds: number[] = [];
  for (let round = 0; round < (quick ? 1 : 3); round++) {
    const server = await startIdiom(join(PACKAGE_ROOT, "examples", "models"));
    seconds.push(server.readyMs / 1000);
    await server.stop();
  }
  return [{ what: "four examples ready, golden answers checked", value: median(seconds), unit: "s", target: { atMost: 6 } }];
}
