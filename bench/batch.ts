// batch: a file through a job of the Python example, beside a plain script in the model's own language that reads, predicts and writes.
import { execFile } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { type JobMessage, withJobs } from "../src/cli/job-client.ts";
import { loadConfig } from "../src/config/config.ts";
import type { ModelVersion } from "../src/core/model.ts";
import { PACKAGE_ROOT } from "../src/package-root.ts";
import { scanModels } from "../src/registry/folder-watch.ts";
import { readRuntimes } from "../workers/runtimes.ts";
import type { Measure } from "./support/report.ts";
import { generateRows } from "./support/rows.ts";
import { startIdiom } from "./support/server.ts";

const run = promisify(execFile);
const MODEL = "breast-cancer";
const ROWS = 1_000_000;
const QUICK_ROWS = 100_000;
/** Rows that are drawn; the file repeats them. */
const DRAWN_ROWS = 20_000;
const MIB = 2 ** 20;

export async function batch(quick: boolean): Promise<Measure[]> {
  const folder = mkdtempSync(join(tmpdir(), "idiom-bench-batch-"));
  const rows = quick ? QUICK_ROWS : ROWS;
  try {
    const version = await exampleModel();
    const [input, output] = [join(folder, "in.csv"), join(folder, "out.csv")];
    writeTable(input, version, rows);
    const server = await startIdiom(join(PACKAGE_ROOT, "examples", "models"), 1, { IDIOM_BATCH_ROOTS: folder });
    let job: JobRun;
    try {
      job = await runJob(`127.0.0.1:${server.grpcPort}`, server.httpPort, input, output);
    } finally {
      await server.stop();
    }
    const plainMs = await runPlainScript(version, input, join(folder, "plain.csv"));
    const lines = readFileSync(output, "utf8").split("\n").length - 2;
    return [
      { what: `rows of ${rows} that are not in the output`, value: rows - lines, unit: "rows", target: { atMost: 0 } },
      { what: "rows per second through a job", value: Math.round(rows / (job.ms / 1000)), unit: "rows/s", target: null },
      { what: "over a plain script in Python", value: plainMs / job.ms, unit: "", target: { atLeast: 0.85 } },
      { what: "from submission to the first committed chunk", value: job.firstMs / 1000, unit: "s", target: { atMost: 2 } },
      { what: "largest memory of the server", value: job.mostBytes / MIB, unit: "MiB", target: { atMost: 300 } },
    ];
  } finally {
    rmSync(folder, { recursive: true });
  }
}

async function exampleModel(): Promise<ModelVersion> {
  const markers = readRuntimes(join(PACKAGE_ROOT, "runtimes")).map((runtime) => ({ language: runtime.language, entryFiles: runtime.entry_files }));
  const { versions } = await scanModels(join(PACKAGE_ROOT, "examples", "models"), markers);
  return versions.find(({ name }) => name === MODEL) as ModelVersion;
}

function writeTable(path: string, version: ModelVersion, rows: number): void {
  const { columns } = generateRows(version, DRAWN_ROWS);
  const lines = Array.from({ length: DRAWN_ROWS }, (_, row) => columns.map(({ values }) => String(values[row])).join(","));
  writeFileSync(path, `${columns.map(({ name }) => name).join(",")}\n`);
  for (let at = 0; at < rows; at += DRAWN_ROWS) writeFileSync(path, `${lines.slice(0, rows - at).join("\n")}\n`, { flag: "a" });
}

interface JobRun {
  readonly ms: number;
  readonly firstMs: number;
  readonly mostBytes: number;
}

function runJob(server: string, httpPort: number, input: string, output: string): Promise<JobRun> {
  return withJobs(server, async (jobs) => {
    const startedAt = performance.now();
    const request = {
      model: MODEL,
      version: "",
      input: { path: input },
      output: { path: output },
      keep: [],
      maxFailedRows: "",
      priority: 0,
      idempotencyKey: "",
    };
    const { id } = await jobs.submit(request);
    let firstMs: number | null = null;
    let mostBytes = 0;
    let last: JobMessage | null = null;
    for await (const job of jobs.watch(id)) {
      if (job.doneRows > 0) firstMs ??= performance.now() - startedAt;
      mostBytes = Math.max(mostBytes, await residentBytes(httpPort));
      last = job;
    }
    if (last?.state !== "succeeded") throw new Error(`the job ${last?.state}: ${last?.reason}`);
    return { ms: performance.now() - startedAt, firstMs: firstMs ?? Number.NaN, mostBytes };
  });
}

async function residentBytes(httpPort: number): Promise<number> {
  const text = await (await fetch(`http://127.0.0.1:${httpPort}/metrics`)).text();
  return Number(/^process_resident_memory_bytes(?:\{[^}]*\})? (\S+)$/m.exec(text)?.[1]);
}

async function runPlainScript(version: ModelVersion, input: string, output: string): Promise<number> {
  const python = join(loadConfig(process.env).data, "environments", "python", "bin", "python3");
  const threads = { OMP_NUM_THREADS: "1", OPENBLAS_NUM_THREADS: "1", MKL_NUM_THREADS: "1" };
  const startedAt = performance.now();
  await run(python, [join(import.meta.dirname, "direct", "score.py"), version.folder, input, output], {
    env: { ...process.env, ...threads, PYTHONDONTWRITEBYTECODE: "1" },
  });
  return performance.now() - startedAt;
}
