// Serves one of the example models to an example client.

import { cpSync } from "node:fs";
import { join } from "node:path";
import type { TestContext } from "node:test";
import { PACKAGE_ROOT } from "../../src/package-root.ts";
import { ModelsFolder } from "./models.ts";
import { type Server, startServer } from "./server.ts";

export const CLIENTS = join(PACKAGE_ROOT, "examples", "clients");

/** A server with this model alone, until the test ends. */
export async function serveExample(test: TestContext, model: string): Promise<Server> {
  const models = new ModelsFolder();
  cpSync(join(PACKAGE_ROOT, "examples", "models", model), join(models.path, model), { recursive: true });
  const server = await startServer({ models: models.path });
  test.after(() => server.stop());
  return server;
}
