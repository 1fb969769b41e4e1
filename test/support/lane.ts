// Which way calls go from the front door to a model: IDIOM_TEST_LANE=redis sends every one of them through Redis.
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { ModelsFolder } from "./models.ts";

export const THROUGH_REDIS = process.env["IDIOM_TEST_LANE"] === "redis";

/** For the configuration of a node within the test. */
export const LANE_SETTINGS: Readonly<Record<string, unknown>> = THROUGH_REDIS ? { lanes: { realtime: { direct: false } } } : {};

/** For the environment of a server process. */
export function laneEnvironment(): NodeJS.ProcessEnv {
  return THROUGH_REDIS ? configEnvironment({}) : {};
}

/** For the environment of a server process with these settings more. */
export function configEnvironment(settings: Readonly<Record<string, unknown>>): NodeJS.ProcessEnv {
  const file = join(new ModelsFolder().path, "config.yaml");
  writeFileSync(file, JSON.stringify({ ...LANE_SETTINGS, ...settings }));
  return { IDIOM_CONFIG: file };
}
