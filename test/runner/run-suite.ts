// Runs one suite to its end.
import { spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import { PACKAGE_ROOT } from "../../src/package-root.ts";
import type { Language } from "../support/languages.ts";
import { COUNT_LINE, type Counts, type Suite } from "./suites.ts";

export interface Result extends Counts {
  readonly seconds: number;
  /** What is left to show of a failure. */
  readonly output: string;
}

/** `languages` are those that the suite covers, of those that are installed. */
export async function runSuite(suite: Suite, languages: readonly Language[]): Promise<Result> {
  const startedAt = performance.now();
  const done = (counts: Counts, output: string): Result => ({ ...counts, output, seconds: (performance.now() - startedAt) / 1000 });
  let output = "";
  try {
    const [program, ...args] = suite.command();
    const env = { ...process.env, ...suite.env, IDIOM_TEST_LANGUAGES: languages.join(",") };
    const child = spawn(program as string, args, { cwd: PACKAGE_ROOT, env, stdio: ["ignore", "pipe", "pipe"] });
    for (const stream of [child.stdout, child.stderr]) {
      createInterface({ input: stream }).on("line", (line) => {
        output += `${line}\n`;
        if (suite.live && !COUNT_LINE.test(line)) console.log(line);
      });
    }
    const [code] = (await once(child, "close")) as [number | null];
    const counts = suite.count(output) ?? { passed: code === 0 ? 1 : 0, failed: 0 };
    // A suite that ends badly has failed, whatever it counted.
    const failed = code === 0 ? counts.failed : Math.max(1, counts.failed);
    return done({ passed: counts.passed, failed }, failed > 0 && !suite.live ? output : "");
  } catch (error) {
    return done({ passed: 0, failed: 1 }, `${(error as Error).message}\n`);
  }
}
