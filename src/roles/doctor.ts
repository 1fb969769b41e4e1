// What this machine has and what it lacks, each with the one command that mends it.
import { accessSync, constants, existsSync, mkdirSync } from "node:fs";
import { createServer } from "node:net";
import { join } from "node:path";
import { canFork, probeRuntime, type RuntimeDefinition, readRuntimes } from "../../workers/runtimes.ts";
import { openSandbox } from "../../workers/sandbox/open.ts";
import type { Config } from "../config/config.ts";
import { IdiomError } from "../core/errors.ts";
import { sandboxWarning } from "../core/sandbox-level.ts";
import { openDoor } from "../gateway/door.ts";
import { PACKAGE_ROOT } from "../package-root.ts";
import type { RedisServer } from "../redis/connection.ts";
import { isUsable } from "../redis/health.ts";
import { probeRedis } from "../redis/monitor.ts";
import { shownUrl } from "../redis/redis-url.ts";
import { scanModels } from "../registry/folder-watch.ts";
import { LogRing } from "../telemetry/log-ring.ts";
import { createLogger } from "../telemetry/logger.ts";
import { findRedisServer, namedRedis } from "./redis-server.ts";

export interface Finding {
  readonly what: string;
  readonly verdict: "ok" | "warning" | "problem";
  readonly detail: string;
}

/** Looks at everything that `idiom up` needs; changes nothing but the data and state folders, which it makes. */
export async function examine(config: Config): Promise<Finding[]> {
  const runtimes = readRuntimes(join(PACKAGE_ROOT, "runtimes"));
  return [
    nodeFinding(),
    ...(await Promise.all(runtimes.map((runtime) => runtimeFinding(runtime, config.data)))),
    folderFinding("data folder", config.data, "IDIOM_DATA"),
    folderFinding("state folder", config.state, "IDIOM_STATE"),
    ...(await redisFindings(config)),
    ...(await modelFindings(config.models, runtimes)),
    await portFinding("gRPC port", config.host, config.grpcPort, "IDIOM_GRPC_PORT"),
    await portFinding("HTTP port", config.host, config.httpPort, "IDIOM_HTTP_PORT"),
    doorFinding(config),
    await sandboxFinding(config),
  ];
}

async function runtimeFinding(runtime: RuntimeDefinition, data: string): Promise<Finding> {
  const { language } = runtime;
  const status = await probeRuntime(runtime, data);
  if (!status.ok) return { what: language, verdict: "problem", detail: status.problem };
  const advice = runtime.forks && !canFork(runtime, data) ? `; each instance loads its model by itself: ${FORK_ADVICE}` : "";
  return { what: language, verdict: "ok", detail: status.version + advice };
}

const FORK_ADVICE = "to fork them, install a C compiler (apt-get install -y gcc libc6-dev), then run: npm run setup";

function doorFinding(config: Config): Finding {
  try {
    const door = openDoor(config, createLogger("silent", new LogRing("doctor")));
    door.close();
    const who = door.lock === null ? "whoever is on this machine gets in" : "callers need an API key";
    return { what: "door", verdict: "ok", detail: `${config.host}: ${door.tls === null ? "plain text" : "TLS"}; ${who}` };
  } catch (error) {
    return { what: "door", verdict: "problem", detail: IdiomError.from(error).message };
  }
}

function nodeFinding(): Finding {
  const major = Number(process.versions.node.split(".")[0]);
  const ok = major >= 24;
  return {
    what: "Idiom's Node",
    verdict: ok ? "ok" : "problem",
    detail: ok ? process.versions.node : `${process.versions.node}; Idiom needs 24: start it with npm start`,
  };
}

function folderFinding(what: string, folder: string, variable: string): Finding {
  try {
    mkdirSync(folder, { recursive: true });
    accessSync(folder, constants.W_OK);
    return { what, verdict: "ok", detail: folder };
  } catch (error) {
    return { what, verdict: "problem", detail: `${(error as Error).message}; name another with ${variable}` };
  }
}

/** Those that the operator names, and the one that we would start: without it, realtime calls are answered all the same. */
async function redisFindings(config: Config): Promise<Finding[]> {
  const named = await namedRedisFindings(config);
  if (config.redisUrl !== undefined) return named;
  const found = await findRedisServer(config.data);
  const own: Finding = found.ok
    ? { what: "Redis", verdict: "ok", detail: `${found.version}, started by idiom up (${found.program})` }
    : { what: "Redis", verdict: "warning", detail: `no jobs can be run: ${found.problem}` };
  return [...named, own];
}

async function namedRedisFindings(config: Config): Promise<Finding[]> {
  try {
    return await Promise.all(namedRedis(config).map(namedRedisFinding));
  } catch (error) {
    return [{ what: "Redis", verdict: "problem", detail: IdiomError.from(error).message }];
  }
}

async function namedRedisFinding(server: RedisServer): Promise<Finding> {
  try {
    const { state, detail } = await probeRedis(server);
    return {
      what: "Redis",
      verdict: state === "ok" ? "ok" : isUsable(state) ? "warning" : "problem",
      detail: detail || `${shownUrl(server.url)} takes writes`,
    };
  } catch (error) {
    return { what: "Redis", verdict: "problem", detail: (error as Error).message };
  }
}

async function modelFindings(models: string, runtimes: ReturnType<typeof readRuntimes>): Promise<Finding[]> {
  try {
    const { versions, broken } = await scanModels(
      models,
      runtimes.map((runtime) => ({ language: runtime.language, entryFiles: runtime.entry_files })),
    );
    return [
      { what: "models", verdict: versions.length > 0 ? "ok" : "warning", detail: `${versions.length} in ${models}` },
      ...broken.map((entry): Finding => ({ what: `model ${entry.name}`, verdict: "problem", detail: entry.reason })),
    ];
  } catch (error) {
    return [
      {
        what: "models",
        verdict: "problem",
        detail: existsSync(models) ? IdiomError.from(error).message : `${models} is not there; name the folder with IDIOM_MODELS`,
      },
    ];
  }
}

async function sandboxFinding(config: Config): Promise<Finding> {
  try {
    const { level, layers } = await openSandbox(config.sandbox, config);
    const warning = sandboxWarning(level);
    if (warning !== null) return { what: "sandbox", verdict: "warning", detail: [`${level}: ${warning}`, ...layers].join("\n") };
    return { what: "sandbox", verdict: "ok", detail: [level, ...layers].join("\n") };
  } catch (error) {
    return { what: "sandbox", verdict: "problem", detail: IdiomError.from(error).message };
  }
}

function portFinding(what: string, host: string, port: number, variable: string): Promise<Finding> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once("error", (error) =>
      resolve({
        what,
        verdict: "warning",
        detail: `${host}:${port} is not free (${(error as NodeJS.ErrnoException).code}): Idiom runs already, or another program; set ${variable} to use another`,
      }),
    );
    server.listen(port, host, () => server.close(() => resolve({ what, verdict: "ok", detail: `${host}:${port} is free` })));
  });
}
