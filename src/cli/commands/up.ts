// idiom up: front doors and workers in one process or several, until a signal.
import type { Command } from "commander";
import picocolors from "picocolors";
import type { Config } from "../../config/config.ts";
import { type JsonTensor, stringifyExact, tensorToJson } from "../../core/json-tensor.ts";
import type { readGolden } from "../../registry/golden.ts";
import type { GoldenReport } from "../../roles/golden-check.ts";
import type { VersionSummary } from "../../roles/summary.ts";
import type { Serving } from "../../roles/up.ts";
import { httpAddress } from "../addresses.ts";
import { DEFAULT_SERVER, insecureOption } from "../options.ts";
import { note, plainTable, print } from "../output.ts";
import { stopOnSignal } from "../until-signal.ts";

interface UpOptions {
  readonly models?: string;
  readonly host?: string;
  readonly insecure?: true;
  readonly grpcPort?: string;
  readonly httpPort?: string;
  readonly processes?: string;
  readonly logLevel?: string;
}

export function registerUp(program: Command): void {
  program
    .command("up")
    .description("run everything: the front doors and the workers")
    .option("--models <folder>", "folder that holds a folder per model (IDIOM_MODELS)")
    .option("--host <address>", "address to bind (IDIOM_HOST)")
    .addOption(insecureOption())
    .option("--grpc-port <port>", "IDIOM_GRPC_PORT")
    .option("--http-port <port>", "IDIOM_HTTP_PORT")
    .option("--processes <number>", "processes that share the gRPC port, each with its own instances of every model (IDIOM_PROCESSES)")
    .option("--log-level <level>", "debug, info, warn, error or silent (IDIOM_LOG_LEVEL)")
    .action(run);
}

async function run(options: UpOptions): Promise<void> {
  const { loadConfig, readGolden, up, upProcesses } = await import("../serving.ts");
  const config = loadConfig(process.env, { ...options });
  const startedAt = performance.now();
  const running = await (config.processes === 1 ? up(config) : upProcesses(config));
  const stopped = stopOnSignal(() => running.stop());
  note("loading models ...");
  await Promise.race([running.settled(), stopped]);
  await Promise.race([announce(running, config, performance.now() - startedAt, readGolden), stopped]);
  await stopped;
}

async function announce(running: Serving, config: Config, elapsedMs: number, read: typeof readGolden): Promise<void> {
  const versions = await running.summary();
  const rows = versions.map(({ name, version, runtime, state, golden }) => [name, version, runtime, stateOf(state), goldenOf(golden)]);
  print(`\n${plainTable(["MODEL", "VERSION", "RUNTIME", "STATE", "GOLDEN ANSWER"], rows)}`);
  for (const { name, version, reason } of versions) if (reason !== "") print(`\n${name}/${version}: ${reason}`);
  const server = `${config.host}:${running.grpcPort}`;
  print(`\nReady in ${(elapsedMs / 1000).toFixed(1)} s.  gRPC ${server}   HTTP ${httpAddress(config, running.httpPort)}/healthz, /metrics`);
  print(`\nTry, in another terminal:\n\n${exampleCall(versions, server, read)}\n\nCtrl-C stops.`);
}

function stateOf(state: VersionSummary["state"]): string {
  return state === "ready" ? picocolors.green("ready") : state === "loading" ? "loading" : picocolors.red(state);
}

function goldenOf(report: GoldenReport): string {
  switch (report.result) {
    case "passed":
      return `${picocolors.green("same bits")} (${report.rows} rows in ${report.files} files)`;
    case "none":
      return "-";
    case "dormant":
      return "not asked: it starts with its first request";
    case "failed":
      return `${picocolors.red("differs")}: ${report.file}: ${report.reason.split("\n")[0]}`;
  }
}

/** Commands to paste: the list, and one call with the first row of a golden file, of the first model that is ready. */
function exampleCall(versions: readonly VersionSummary[], server: string, read: typeof readGolden): string {
  const to = server === DEFAULT_SERVER ? "" : ` --server ${server}`;
  const list = `  npx idiom get models${to}`;
  for (const { name, state, goldenFiles } of versions) {
    if (state !== "ready" || goldenFiles === null) continue;
    const golden = read(goldenFiles.folder, goldenFiles.pattern)[0];
    if (golden === undefined || golden.inputs.some(({ tensor }) => tensor.shape.length > 2)) continue;
    const pairs = golden.inputs.map((input) => `-i ${input.name}=${shellWord(tensorToJson(input.name, input.tensor))}`);
    return `${list}\n  npx idiom describe model ${name}${to}\n  npx idiom predict ${name}${to} ${pairs.join(" ")}`;
  }
  return list;
}

/** The first row, as `-i name=` takes it. */
function shellWord(tensor: JsonTensor): string {
  const row = tensor.data.slice(0, tensor.shape[1] ?? 1);
  const text = tensor.shape.length === 2 ? stringifyExact(row) : String(row[0]);
  return /^[\w.+-]+$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`;
}
