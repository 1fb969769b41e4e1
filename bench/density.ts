// density: what each further instance of a version takes of the machine's memory: its proportional share (PSS) and what is its alone.
import { readFileSync } from "node:fs";
import { EXAMPLE_MODELS, TRIVIAL_MODELS, withModels } from "./support/in-process.ts";
import type { Measure } from "./support/report.ts";

const INSTANCES = 2;
/** Of its own: what is free again when it leaves. */
const TARGET_OWN_MIB: Readonly<Record<string, number>> = { "breast-cancer": 20 };

export function density(): Promise<Measure[]> {
  return withModels([TRIVIAL_MODELS, EXAMPLE_MODELS], INSTANCES, async (node, models) =>
    models.flatMap((model) => {
      const last = node.node.instancesOf(`${model}/1`).at(-1);
      if (last?.pid == null) return [];
      const memory = readFileSync(`/proc/${last.pid}/smaps_rollup`, "utf8");
      const mib = (field: string): number => Number(new RegExp(`^${field}: +(\\d+) kB$`, "m").exec(memory)?.[1]) / 1024;
      const atMost = TARGET_OWN_MIB[model];
      const what = `${model}: instance ${INSTANCES}`;
      return [
        { what: `${what}, share (PSS)`, value: mib("Pss"), unit: "MiB", target: null },
        { what: `${what}, its own`, value: mib("Private_Clean") + mib("Private_Dirty"), unit: "MiB", target: atMost === undefined ? null : { atMost } },
      ];
    }),
  );
}
