// A node within the test's own process, for what cannot be seen from outside: process ids, generations, statuses as they change.
import { loadConfig } from "../../src/config/config.ts";
import type { RegistryEntry } from "../../src/registry/registry.ts";
import { type Up, up } from "../../src/roles/up.ts";
import { Client } from "./client.ts";
import { processFolder } from "./folders.ts";
import { type Labels, readMetric } from "./metrics.ts";

export interface InProcess {
  readonly up: Up;
  readonly client: Client;
  /** Resolves at the first change of a status, from now on, for which `matches` holds. */
  statusChange(matches: (entry: RegistryEntry) => boolean): Promise<void>;
  metric(name: string, labels: Labels): Promise<number>;
  stop(): Promise<void>;
}

/** Opens the front doors on free ports; the models begin to load. `settings` are those of the configuration. */
export async function startInProcess(models: string, settings: Readonly<Record<string, unknown>> = {}): Promise<InProcess> {
  const data = process.env["IDIOM_DATA"];
  const own = { models, state: processFolder(), grpcPort: 0, httpPort: 0, logLevel: "silent", ...(data === undefined ? {} : { data }) };
  const running = await up(loadConfig({}, { ...own, ...settings }));
  const client = new Client(`127.0.0.1:${running.grpcPort}`);
  const waiting = new Set<(entry: RegistryEntry) => void>();
  running.registry.onStatus((entry) => {
    for (const hear of waiting) hear(entry);
  });
  return {
    up: running,
    client,
    statusChange: (matches) =>
      new Promise((resolve) => {
        const hear = (entry: RegistryEntry): void => {
          if (!matches(entry)) return;
          waiting.delete(hear);
          resolve();
        };
        waiting.add(hear);
      }),
    async metric(name, labels) {
      const response = await fetch(`http://127.0.0.1:${running.httpPort}/metrics`);
      return readMetric(await response.text(), name, labels);
    },
    async stop() {
      client.close();
      await running.stop();
    },
  };
}
