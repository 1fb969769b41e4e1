// A node within the benchmark's own process, for what is not seen from outside: the pids and states of its instances.
import { cpSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { loadConfig } from "../../src/config/config.ts";
import { PACKAGE_ROOT } from "../../src/package-root.ts";
import { type Up, up } from "../../src/roles/up.ts";

export const TRIVIAL_MODELS = join(PACKAGE_ROOT, "bench", "models");
export const EXAMPLE_MODELS = join(PACKAGE_ROOT, "examples", "models");

/** Models whose instances are forked, served a second time under this name with instances that load the model each by itself. */
export const LOADED = "loaded-";
const FORKED = ["trivial-python", "breast-cancer", "trivial-r", "penguins"];

const LOOK_AGAIN_MS = 20;

/** Serves the models of these folders, each with `instances` instances, and calls `measure` when all are ready. */
export async function withModels<Result>(
  sources: readonly string[],
  instances: number,
  measure: (node: Up, models: readonly string[]) => Promise<Result>,
): Promise<Result> {
  const folder = mkdtempSync(join(tmpdir(), "idiom-bench-"));
  try {
    const models = join(folder, "models");
    for (const source of sources) {
      for (const name of readdirSync(source)) {
        addModel(join(source, name), join(models, name), `{min: ${instances}}`);
        if (FORKED.includes(name)) addModel(join(source, name), join(models, LOADED + name), `{min: ${instances}, fork: false}`);
      }
    }
    const names = readdirSync(models);
    const node = await up(loadConfig(process.env, { models, state: join(folder, "state"), grpcPort: 0, httpPort: 0, logLevel: "error" }));
    try {
      await node.settled();
      const isReady = (name: string): boolean => node.node.instancesOf(`${name}/1`).every(({ state }) => state.name === "ready");
      while (!names.every(isReady)) await delay(LOOK_AGAIN_MS);
      return await measure(node, names);
    } finally {
      await node.stop();
    }
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** A copy under the name of its folder. */
function addModel(source: string, folder: string, instances: string): void {
  cpSync(source, folder, { recursive: true });
  const manifest = join(folder, "model.yaml");
  writeFileSync(manifest, `${readFileSync(manifest, "utf8").replace(/^name:.*\n/m, "")}\ninstances: ${instances}\n`);
}
