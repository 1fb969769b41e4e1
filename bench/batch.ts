// batch: files through jobs of the examples, beside plain scripts in the models' own languages; what jobs cost callers and memory, and how soon they begin and stop.
import { cpSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { type JobClient, withJobs } from "../src/cli/job-client.ts";
import { loadConfig } from "../src/config/config.ts";
import type { ModelVersion } from "../src/core/model.ts";
import { PACKAGE_ROOT } from "../src/package-root.ts";
import { scanModels } from "../src/registry/folder-watch.ts";
import { readRuntimes } from "../workers/runtimes.ts";
import { callAtRate, callsOf } from "./support/call-rate.ts";
import { type JobRun, rowsOf, runJob, submitJob, writeTable } from "./support/job-run.ts";
import { scorePlainly } from "./support/plain-score.ts";
import { type Measure, quantile } from "./support/report.ts";
import { generateRows } from "./support/rows.ts";
import { type RunningServer, readCounter, readHistogram, startIdiom } from "./support/server.ts";

const EXAMPLES = join(PACKAGE_ROOT, "examples", "models");
const ROWS: Readonly<Record<string, number>> = { python: 1_000_000, java: 1_000_000, r: 200_000, node: 200_000 };
const QUICK_SHARE = 0.1;
/** A model that costs less would say more of how CSV is read than of jobs: its function is called as often as it takes, in both. */
const MIN_OWN_US = 5;
const CALLS_PER_ROW: Readonly<Record<string, number>> = { python: 7, java: 1, r: 5, node: 1 };
/** For jobs beside calls, for memory, and for stopping. */
const MODEL = "breast-cancer";
/** For two instances: the one whose rows cost most leaves most of both cores to itself. */
const DEAR = "wine";
const LARGE_BYTES = 2 * 2 ** 30;
const QUICK_LARGE_BYTES = 2 ** 27;
const CALLS_PER_SECOND = 50;
const MIB = 2 ** 20;

interface Bench {
  readonly folder: string;
  readonly quick: boolean;
}

export async function batch(quick: boolean): Promise<Measure[]> {
  const bench = { folder: mkdtempSync(join(tmpdir(), "idiom-bench-batch-")), quick };
  try {
    return [...(await besidePlainScripts(bench)), ...(await twoInstances(bench)), ...(await besideCalls(bench)), ...(await largeFile(bench))];
  } finally {
    rmSync(bench.folder, { recursive: true });
  }
}

async function besidePlainScripts({ folder, quick }: Bench): Promise<Measure[]> {
  const versions = await copyModels(join(folder, "models"), CALLS_PER_ROW);
  const measures: Measure[] = [];
  await withServer(join(folder, "models"), folder, async (server, jobs) => {
    for (const version of versions) {
      const { runtime } = version.manifest;
      const rows = (ROWS[runtime] as number) * (quick ? QUICK_SHARE : 1);
      const [input, output, plain] = ["in", "out", "plain"].map((name) => join(folder, `${version.name}-${name}.csv`)) as [string, string, string];
      writeTable(input, version, rows);
      const script = await scorePlainly(version, input, plain, loadConfig(process.env).data);
      const job = await runJob(jobs, server.pid, version.name, input, output);
      const who = `${version.name} (${runtime})`;
      measures.push(
        { what: `${who}: the model's own time for a row`, value: (script.ownSeconds / rows) * 1e6, unit: "us", target: { atLeast: MIN_OWN_US } },
        { what: `${who}: rows of ${rows} that are not in the output`, value: rows - rowsOf(output), unit: "rows", target: { atMost: 0 } },
        { what: `${who}: through a job`, value: Math.round(rows / job.seconds), unit: "rows/s", target: null },
        { what: `${who}: a job over a plain script`, value: script.seconds / job.seconds, unit: "ratio", target: { atLeast: 0.85 } },
        { what: `${who}: from submission to the first committed chunk`, value: job.firstSeconds, unit: "s", target: { atMost: 2 } },
      );
      for (const file of [input, output, plain]) rmSync(file);
    }
  });
  return measures;
}

async function twoInstances({ folder, quick }: Bench): Promise<Measure[]> {
  const rows = quick ? 30_000 : 150_000;
  const seconds: number[] = [];
  for (const instances of [1, 2]) {
    const models = join(folder, `instances-${instances}`);
    const version = (await copyModels(models, { java: 1 }, instances)).find(({ name }) => name === DEAR) as ModelVersion;
    const input = join(folder, "in.csv");
    writeTable(input, version, rows);
    await withServer(models, folder, async (server, jobs) => {
      // The first one warms up.
      await runJob(jobs, server.pid, DEAR, input, join(folder, "out.csv"));
      seconds.push((await runJob(jobs, server.pid, DEAR, input, join(folder, "out.csv"))).seconds);
    });
  }
  return [{ what: "two instances over one", value: (seconds[0] as number) / (seconds[1] as number), unit: "ratio", target: { atLeast: 1.5 } }];
}

/** Calls at a steady rate, alone and under a job; then callers that leave no pause; then a job that is cancelled. */
async function besideCalls({ folder, quick }: Bench): Promise<Measure[]> {
  const models = join(folder, "beside");
  const version = (await copyModels(models, CALLS_PER_ROW)).find(({ name }) => name === MODEL) as ModelVersion;
  const input = join(folder, "in.csv");
  writeTable(input, version, 4_000_000);
  const seconds = quick ? 5 : 20;
  const calls = callsOf(generateRows(version, 100));
  const measures: Measure[] = [];
  await withServer(models, folder, async (server, jobs) => {
    await callAtRate(server.grpcPort, MODEL, calls, CALLS_PER_SECOND, 2);
    const alone = quantile(await callAtRate(server.grpcPort, MODEL, calls, CALLS_PER_SECOND, seconds), 0.99);
    const id = await submitJob(jobs, MODEL, input, join(folder, "out.csv"));
    await doneRows(jobs, id, 1);
    const under = quantile(await callAtRate(server.grpcPort, MODEL, calls, CALLS_PER_SECOND, seconds), 0.99);
    measures.push(
      { what: `${CALLS_PER_SECOND} calls/s without a job, p99`, value: alone, unit: "ms", target: null },
      { what: `${CALLS_PER_SECOND} calls/s under a job, p99 beyond that`, value: under - alone, unit: "ms", target: { atMost: 25 } },
    );
    measures.push(await floor(server, version, seconds));
    measures.push({ what: "from cancelling to the end of the last frame", value: await stopSeconds(server, jobs, id), unit: "s", target: { atMost: 1 } });
  });
  return measures;
}

/** What of the model's time goes to a job while callers leave no pause. */
async function floor({ grpcPort, httpPort }: RunningServer, version: ModelVersion, seconds: number): Promise<Measure> {
  const look = async (): Promise<{ readonly job: number; readonly all: number }> => ({
    job: await readCounter(httpPort, "idiom_job_compute_seconds_total", MODEL),
    all: (await readHistogram(httpPort, "idiom_compute_duration_seconds", MODEL)).sum,
  });
  const before = await look();
  await callAtRate(grpcPort, MODEL, callsOf(generateRows(version, 100)), null, seconds);
  const after = await look();
  const share = (after.job - before.job) / (after.all - before.all);
  return { what: "a job's share of the model's time while callers leave no pause", value: share, unit: "", target: { atLeast: 0.1 } };
}

/** Until no frame ends any more. */
async function stopSeconds({ httpPort }: RunningServer, jobs: JobClient, id: string): Promise<number> {
  const frames = async (): Promise<number> => (await readHistogram(httpPort, "idiom_compute_duration_seconds", MODEL)).count;
  const cancelledAt = performance.now();
  await jobs.change("Cancel", id);
  let lastAt = cancelledAt;
  let count = await frames();
  while (performance.now() - cancelledAt < 3000) {
    const now = await frames();
    if (now !== count) lastAt = performance.now();
    count = now;
    await delay(20);
  }
  return (lastAt - cancelledAt) / 1000;
}

async function largeFile({ folder, quick }: Bench): Promise<Measure[]> {
  const models = join(folder, "large");
  const version = (await copyModels(models, {})).find(({ name }) => name === MODEL) as ModelVersion;
  const input = join(folder, "large.csv");
  const perRow = writeTable(input, version, 1000) / 1000;
  const rows = Math.ceil((quick ? QUICK_LARGE_BYTES : LARGE_BYTES) / perRow);
  const bytes = writeTable(input, version, rows);
  let job: JobRun | null = null;
  await withServer(models, folder, async (server, jobs) => {
    job = await runJob(jobs, server.pid, MODEL, input, join(folder, "out.csv"));
  });
  const most = (job as JobRun | null)?.mostBytes ?? Number.NaN;
  return [{ what: `memory of the server for a file of ${Math.round(bytes / MIB)} MiB`, value: most / MIB, unit: "MiB", target: { atMost: 300 } }];
}

async function withServer(models: string, folder: string, act: (server: RunningServer, jobs: JobClient) => Promise<void>): Promise<void> {
  const server = await startIdiom(models, 1, { IDIOM_BATCH_ROOTS: folder });
  try {
    await withJobs(`127.0.0.1:${server.grpcPort}`, (jobs) => act(server, jobs));
  } finally {
    await server.stop();
  }
}

/** Copies of the examples in these languages, all when none is named, whose functions are called so many times in one. */
async function copyModels(folder: string, calls: Readonly<Record<string, number>>, instances = 1): Promise<readonly ModelVersion[]> {
  for (const { folder: source, name, manifest } of await modelsIn(EXAMPLES)) {
    const { runtime } = manifest;
    if (Object.keys(calls).length > 0 && calls[runtime] === undefined) continue;
    const copy = join(folder, name);
    cpSync(source, copy, { recursive: true });
    append(join(copy, "model.yaml"), `instances: {min: ${instances}, max: ${instances}}\n`);
    const times = calls[runtime] ?? 1;
    if (times > 1) append(join(copy, REPEAT[runtime]?.file ?? ""), REPEAT[runtime]?.code(times) ?? "");
  }
  return modelsIn(folder);
}

const REPEAT: Readonly<Record<string, { readonly file: string; readonly code: (times: number) => string }>> = {
  python: {
    file: "model.py",
    code: (times) =>
      `\n\nonce = predict\n\n\ndef predict(df: pd.DataFrame) -> dict[str, np.ndarray]:\n    for _ in range(${times - 1}):\n        once(df)\n    return once(df)\n`,
  },
  r: {
    file: "model.R",
    code: (times) => `\nonce <- predict_model\npredict_model <- function(df) {\n  for (i in seq_len(${times - 1})) once(df)\n  once(df)\n}\n`,
  },
};

function append(file: string, text: string): void {
  writeFileSync(file, text, { flag: "a" });
}

async function modelsIn(folder: string): Promise<readonly ModelVersion[]> {
  const markers = readRuntimes(join(PACKAGE_ROOT, "runtimes")).map((runtime) => ({ language: runtime.language, entryFiles: runtime.entry_files }));
  return (await scanModels(folder, markers)).versions;
}

async function doneRows(jobs: JobClient, id: string, rows: number): Promise<void> {
  for await (const job of jobs.watch(id)) if (job.doneRows >= rows) return;
}
