// Which way calls go from the front door to a model: IDIOM_TEST_LANE=redis sends every one of them through Redis.
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { ModelsFolder } from "./models.ts";

const throughRedis = process.env["IDIOM_TEST_LANE"] === "redis";

/** For the configuration of a node within the test. */
export const LANE_SETTINGS: Readonly<Record<string, unknown>> = throughRedis ? { lanes: { realtime: { direct: false } } } : {};

/** For the environment of a server process. */
export function laneEnvironment(): NodeJS.ProcessEnv {
  if (!throughRedis) return {};
  const file = join(new ModelsFolder().path, "config.yaml");
  writeFileSync(file, JSON.stringify(LANE_SETTINGS));
  return { IDIOM_CONFIG: file };
}
