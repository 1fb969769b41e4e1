// lanes: what it costs and brings that gateways and workers are several processes, for a trivial model. Through Redis: gateway and worker in
// two processes, over a bare grpc-js echo. On one port: `idiom up --processes 2` over one process. Each ratio comes from one run.
import { cpSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { loadConfig } from "../src/config/config.ts";
import { startEmbeddedRedis } from "../src/redis/embedded.ts";
import { LogRing } from "../src/telemetry/log-ring.ts";
import { createLogger } from "../src/telemetry/logger.ts";
import { findTool } from "../workers/runtimes.ts";
import { latency, throughput } from "./support/h2load.ts";
import { writeRequestBody } from "./support/messages.ts";
import type { Measure } from "./support/report.ts";
import { inRounds, medianOf, ROUNDS, ratio } from "./support/rounds.ts";
import { checkAnswered, LANGUAGES, MODELS, startEcho, startGateway, startIdiom, startWorker } from "./support/server.ts";

/** Of one round. */
const REQUESTS = 2_500;
const CALLS = 200;
/** Of each of the processes that are compared: until then V8 compiles, and of two each has half of the calls to learn from. */
const WARM_UP = 150_000;
/** For Python, the others are shown. */
const MIN_REDIS_THROUGHPUT = 0.6;
const MAX_REDIS_LATENCY = 4;
/** On two cores, which the load shares with the servers. */
const MIN_TWO_PROCESSES = 1.2;
const LOOK_AGAIN_MS = 50;

interface Scale {
  readonly rounds: number;
  /** Path of the request for `trivial-<name>`. */
  readonly body: (name: string) => string;
  /** Stops it at the end, the last one that was started first. */
  readonly started: <T extends { stop(): Promise<void> }>(starting: Promise<T>) => Promise<T>;
}

export async function lanes(quick: boolean): Promise<Measure[]> {
  const folder = mkdtempSync(join(tmpdir(), "idiom-bench-"));
  const body = (name: string): string => join(folder, name);
  for (const name of ["echo", ...LANGUAGES]) writeRequestBody(body(name), `trivial-${name}`);
  const models = join(folder, "models");
  cpSync(join(MODELS, "trivial-python"), join(models, "trivial-python"), { recursive: true });
  const scale = { rounds: quick ? ROUNDS.quick : ROUNDS.full, body };
  try {
    return [...(await untilStopped(scale, throughRedis)), ...(await untilStopped(scale, (parts) => twoProcesses(models, parts)))];
  } finally {
    rmSync(folder, { recursive: true });
  }
}

async function untilStopped(scale: Omit<Scale, "started">, measure: (scale: Scale) => Promise<Measure[]>): Promise<Measure[]> {
  const stops: (() => Promise<void>)[] = [];
  const started: Scale["started"] = async (starting) => {
    const running = await starting;
    stops.unshift(() => running.stop());
    return running;
  };
  try {
    return await measure({ ...scale, started });
  } finally {
    for (const stop of stops) await stop();
  }
}

async function throughRedis({ rounds, body, started }: Scale): Promise<Measure[]> {
  const echo = await started(startEcho());
  const program = findTool("redis-server", loadConfig(process.env).data);
  const { server } = await started(startEmbeddedRedis(program, null, createLogger("warn", new LogRing("bench"))));
  await started(startWorker(server.url, MODELS));
  const gateway = await started(startGateway(server.url));
  await serves(gateway.httpPort);
  const targets = [{ name: "echo", port: echo.port }, ...LANGUAGES.map((language) => ({ name: language, port: gateway.grpcPort }))];
  for (const { name, port } of targets) await throughput(port, body(name), REQUESTS);
  const rates = await inRounds(rounds, targets, ({ name, port }) => throughput(port, body(name), REQUESTS));
  const times = await inRounds(rounds, targets, ({ name, port }) => latency(port, body(name), CALLS));
  for (const language of LANGUAGES) await checkAnswered(gateway.httpPort, `trivial-${language}`, REQUESTS * rounds);
  const overEcho = (what: string, over: (language: string) => number, target: Measure["target"]): Measure[] =>
    LANGUAGES.map((language) => ({
      what: `${language} through Redis / echo, ${what}`,
      value: over(language),
      unit: "ratio",
      target: language === "python" ? target : null,
    }));
  return [
    { what: "echo, requests/s", value: medianOf(rates, "echo"), unit: "1/s", target: null },
    ...overEcho("throughput", (language) => ratio(rates, language, "echo"), { atLeast: MIN_REDIS_THROUGHPUT }),
    { what: "echo, p50 at concurrency 1", value: medianOf(times, "echo"), unit: "us", target: null },
    ...overEcho("p50 at concurrency 1", (language) => ratio(times, language, "echo"), { atMost: MAX_REDIS_LATENCY }),
  ];
}

/** Resolves once the gateway has heard of every model. */
async function serves(httpPort: number): Promise<void> {
  const ready = async (): Promise<number> => {
    const { models } = (await (await fetch(`http://127.0.0.1:${httpPort}/healthz`)).json()) as { models: { state: string }[] };
    return models.filter(({ state }) => state === "ready").length;
  };
  while ((await ready()) < LANGUAGES.length) await delay(LOOK_AGAIN_MS);
}

async function twoProcesses(models: string, { rounds, body, started }: Scale): Promise<Measure[]> {
  const [one, two] = [await started(startIdiom(models)), await started(startIdiom(models, 2))];
  const targets = [
    { name: "one", port: one.grpcPort },
    { name: "two", port: two.grpcPort },
  ];
  for (const { port } of targets) await throughput(port, body("python"), WARM_UP);
  const rates = await inRounds(rounds, targets, ({ port }) => throughput(port, body("python"), REQUESTS));
  for (const { httpPort } of [one, two]) await checkAnswered(httpPort, "trivial-python", REQUESTS * rounds);
  return [
    { what: "python, one process, requests/s", value: medianOf(rates, "one"), unit: "1/s", target: null },
    { what: "python, two processes / one, throughput", value: ratio(rates, "two", "one"), unit: "ratio", target: { atLeast: MIN_TWO_PROCESSES } },
  ];
}
