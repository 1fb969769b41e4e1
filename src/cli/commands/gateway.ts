// idiom gateway: the front doors alone; workers elsewhere take the calls from Redis.
import type { Command } from "commander";
import { httpAddress } from "../addresses.ts";
import { insecureOption } from "../options.ts";
import { note } from "../output.ts";
import { stopOnSignal } from "../until-signal.ts";

export function registerGateway(program: Command): void {
  program
    .command("gateway")
    .description("run the front doors; workers take the calls from Redis (IDIOM_REDIS_URL)")
    .addOption(insecureOption())
    .action(async (options: { readonly insecure?: true }) => {
      const { gateway, loadConfig } = await import("../serving.ts");
      const config = loadConfig(process.env, { ...options });
      const running = await gateway(config);
      note(`gateway listens.  gRPC ${config.host}:${running.grpcPort}   HTTP ${httpAddress(config, running.httpPort)}/healthz, /metrics`);
      await stopOnSignal(() => running.stop());
    });
}
