// The plain script of a model's own language that a job is held against: it reads a CSV file, predicts in blocks and writes (bench/direct/README.md).
import { execFile } from "node:child_process";
import { cpSync, mkdtempSync, rmSync, symlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import type { ModelVersion } from "../../src/core/model.ts";
import { librariesOf } from "../../workers/environments/libraries.ts";
import { findTool } from "../../workers/runtimes.ts";

const run = promisify(execFile);
const PROGRAMS = join(import.meta.dirname, "..", "direct");
/** As a sandbox sets them: one instance has one processor. */
const THREADS = { OMP_NUM_THREADS: "1", OPENBLAS_NUM_THREADS: "1", MKL_NUM_THREADS: "1" };

export interface PlainScore {
  /** From the loaded model to the last row written. */
  readonly seconds: number;
  /** Of them, those that the model's function took. */
  readonly ownSeconds: number;
}

export async function scorePlainly(version: ModelVersion, input: string, output: string, data: string): Promise<PlainScore> {
  const folder = mkdtempSync(join(tmpdir(), "idiom-score-"));
  try {
    const [program, ...args] = commandOf(version, await librariesOf(version, data), folder, data);
    const env = { ...process.env, ...THREADS, PYTHONDONTWRITEBYTECODE: "1" };
    const { stdout } = await run(program as string, [...args, input, output], { cwd: version.folder, env });
    const [seconds, ownSeconds] = stdout.trim().split(" ").map(Number);
    return { seconds: seconds as number, ownSeconds: ownSeconds as number };
  } finally {
    rmSync(folder, { recursive: true });
  }
}

function commandOf(version: ModelVersion, libraries: readonly string[], folder: string, data: string): string[] {
  switch (version.manifest.runtime) {
    case "python":
      return [join(data, "environments", "python", "bin", "python3"), join(PROGRAMS, "score.py"), version.folder];
    case "r":
      return [findTool("Rscript", data), join(PROGRAMS, "score.R"), version.folder];
    case "java":
      return [findTool("java", data), "-cp", libraries.join(":"), join(PROGRAMS, "Score.java"), version.folder];
    default: {
      // A module finds its packages beside itself, so the author's folder gets them for the run.
      const copy = join(folder, "model");
      cpSync(version.folder, copy, { recursive: true });
      symlinkSync(libraries[0] as string, join(copy, "node_modules"));
      return [process.execPath, join(PROGRAMS, "score.mjs"), copy];
    }
  }
}
