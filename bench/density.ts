// density: what each further instance of a version takes of the machine's memory: its proportional share (PSS) and what is its alone.
import { readFileSync } from "node:fs";
import { withModels } from "./support/in-process.ts";
import type { Measure } from "./support/report.ts";

const INSTANCES = 2;

export function density(): Promise<Measure[]> {
  return withModels(INSTANCES, async (node, models) =>
    models.flatMap((model) => {
      const last = node.node.instancesOf(`${model}/1`).at(-1);
      if (last?.pid == null) return [];
      const memory = readFileSync(`/proc/${last.pid}/smaps_rollup`, "utf8");
      return ["Pss", "Private_Dirty"].map((field) => ({
        what: `${model}: instance ${INSTANCES}, ${field}`,
        value: Number(new RegExp(`^${field}: +(\\d+) kB$`, "m").exec(memory)?.[1]) / 1024,
        unit: "MiB",
        target: null,
      }));
    }),
  );
}
