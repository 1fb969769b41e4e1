// idiom gateway: the front doors alone; workers elsewhere take the calls from Redis.
import type { Command } from "commander";
import { note } from "../output.ts";
import { stopOnSignal } from "../until-signal.ts";

export function registerGateway(program: Command): void {
  program
    .command("gateway")
    .description("run the front doors; workers take the calls from Redis (IDIOM_REDIS_URL)")
    .action(async () => {
      const { gateway, loadConfig } = await import("../serving.ts");
      const config = loadConfig(process.env);
      const running = await gateway(config);
      note(`gateway ready.  gRPC ${config.host}:${running.grpcPort}   HTTP http://${config.host}:${running.httpPort}/healthz, /metrics`);
      await stopOnSignal(() => running.stop());
    });
}
