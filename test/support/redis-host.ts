// A process that opens the Redis of a configuration as a role does: prints the durable server's URL, then waits to be killed.
import { loadConfig } from "../../src/config/config.ts";
import { openRedis } from "../../src/roles/redis-server.ts";
import { LogRing } from "../../src/telemetry/log-ring.ts";
import { createLogger } from "../../src/telemetry/logger.ts";

const { durable } = await openRedis(loadConfig(process.env), { realtime: false }, createLogger("silent", new LogRing("test")));
process.stdout.write(`${durable?.url}\n`);
