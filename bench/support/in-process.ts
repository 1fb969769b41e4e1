// A node within the benchmark's own process, for what is not seen from outside: the pids and states of its instances.
import { cpSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { loadConfig } from "../../src/config/config.ts";
import { PACKAGE_ROOT } from "../../src/package-root.ts";
import { type Up, up } from "../../src/roles/up.ts";

/** Serves the trivial and the example models, each with `instances` instances, and calls `measure` when all have settled. */
export async function withModels<Result>(instances: number, measure: (node: Up, models: readonly string[]) => Promise<Result>): Promise<Result> {
  const folder = mkdtempSync(join(tmpdir(), "idiom-bench-"));
  try {
    const models = join(folder, "models");
    for (const source of [join(PACKAGE_ROOT, "bench", "models"), join(PACKAGE_ROOT, "examples", "models")]) cpSync(source, models, { recursive: true });
    const names = readdirSync(models);
    for (const name of names) {
      const manifest = join(models, name, "model.yaml");
      writeFileSync(manifest, `${readFileSync(manifest, "utf8")}\ninstances: {min: ${instances}}\n`);
    }
    const node = await up(loadConfig(process.env, { models, state: join(folder, "state"), grpcPort: 0, httpPort: 0, logLevel: "error" }));
    try {
      await node.settled();
      return await measure(node, names);
    } finally {
      await node.stop();
    }
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
