// idiom worker: pools alone; work comes from Redis.
import type { Command } from "commander";
import { httpAddress } from "../addresses.ts";
import { insecureOption } from "../options.ts";
import { note } from "../output.ts";
import { stopOnSignal } from "../until-signal.ts";

interface WorkerOptions {
  readonly runtimes?: string;
  readonly insecure?: true;
}

export function registerWorker(program: Command): void {
  program
    .command("worker")
    .description("run models; calls come from gateways through Redis (IDIOM_REDIS_URL)")
    .addOption(insecureOption())
    .option("--runtimes <languages>", "serve only these, as in python,r")
    .action(async ({ runtimes, ...options }: WorkerOptions) => {
      const { loadConfig, worker } = await import("../serving.ts");
      const config = loadConfig(process.env, { ...options });
      const running = await worker(config, runtimes?.split(",") ?? null);
      const stopped = stopOnSignal(() => running.stop());
      await Promise.race([running.settled(), stopped]);
      note(`worker ready.  HTTP ${httpAddress(config, running.httpPort)}/healthz, /metrics`);
      await stopped;
    });
}
