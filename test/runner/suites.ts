// The suites of the project: what each runs, what it needs, and how its output counts.
import { join } from "node:path";
import { findTool } from "../../workers/runtimes.ts";
import { DATA } from "../support/data-folder.ts";
import type { Language } from "../support/languages.ts";

export interface Counts {
  readonly passed: number;
  readonly failed: number;
}

export interface Suite {
  readonly name: string;
  /** Without one of these it cannot run; empty where it runs with those that are there. */
  readonly needs: readonly Language[];
  /** The language that it is about, for choosing; null: all or none. */
  readonly language: Language | null;
  /** It measures times or fills both cores by itself: nothing else runs beside it. */
  readonly alone: boolean;
  readonly env: Readonly<Record<string, string>>;
  /** Its output is a report of failures, worth showing as it comes; otherwise it is shown when the suite has failed. */
  readonly live: boolean;
  /** Looked up when it runs. @throws Error when a tool is missing, with the command that installs it. */
  command(): readonly string[];
  /** Null: the exit code alone tells. */
  count(output: string): Counts | null;
}

const REPORTER = join(import.meta.dirname, "reporter.ts");

/** A test that waits for ever fails, instead of holding up all that come after it. */
const STUCK_MS = 300_000;

/** The closing line of our own reports. */
export const COUNT_LINE = /^(\d+) passed, (\d+) failed$/m;

function countOf(output: string): Counts | null {
  return sum(output, COUNT_LINE, (passed, failed) => ({ passed, failed }));
}

function nodeTests(name: string, patterns: readonly string[], options: Partial<Suite> & { readonly flags?: readonly string[] } = {}): Suite {
  const { flags = ["--test-concurrency=2"], ...more } = options;
  return {
    name,
    needs: [],
    language: null,
    alone: true,
    env: {},
    live: true,
    command: () => [process.execPath, "--test", `--test-reporter=${REPORTER}`, `--test-timeout=${STUCK_MS}`, ...flags, ...patterns],
    count: countOf,
    ...more,
  };
}

function client(language: Language, model: Language): Suite {
  return nodeTests(`client-${language}`, [`test/integration/clients/${language}.test.ts`], { needs: [model], language, alone: false });
}

export const SUITES: readonly Suite[] = [
  {
    name: "lint",
    needs: [],
    language: null,
    alone: false,
    env: {},
    live: false,
    command: () => [findTool("npm", DATA), "run", "--silent", "lint"],
    count: () => null,
  },
  nodeTests("unit", ["test/unit/**/*.test.ts"], { alone: false, flags: ["--test-isolation=none"] }),
  nodeTests("contract", ["test/contract/*.test.ts"]),
  nodeTests("contract-redis", ["test/contract/*.test.ts"], { env: { IDIOM_TEST_LANE: "redis" } }),
  nodeTests("integration", ["test/integration/*.test.ts"]),
  nodeTests("deploy", ["test/deploy/*.test.ts"]),
  nodeTests("security", ["test/security/*.test.ts"]),
  nodeTests("chaos", ["test/chaos/*.test.ts"], { flags: ["--test-concurrency=1"] }),
  nodeTests("chaos-redis", ["test/chaos/kill.test.ts", "test/integration/waiting.test.ts"], {
    flags: ["--test-concurrency=1"],
    env: { IDIOM_TEST_LANE: "redis" },
  }),
  nodeTests("harness-node", ["runtimes/node/tests/*.test.mjs"], { needs: ["node"], language: "node", alone: false, flags: ["--test-concurrency=1"] }),
  {
    name: "harness-python",
    needs: ["python"],
    language: "python",
    alone: false,
    env: {},
    live: false,
    command: () => [join(DATA, "environments", "python", "bin", "python3"), "-m", "unittest", "discover", "-s", "runtimes/python/tests"],
    count: (output) => {
      const run = sum(output, /^Ran (\d+) tests? in /m, (tests) => ({ passed: tests, failed: 0 }));
      const failed = [...output.matchAll(/(?:failures|errors)=(\d+)/g)].reduce((total, match) => total + Number(match[1]), 0);
      return run === null ? null : { passed: run.passed - failed, failed };
    },
  },
  {
    name: "harness-r",
    needs: ["r"],
    language: "r",
    alone: false,
    env: {},
    live: false,
    command: () => [findTool("Rscript", DATA), "runtimes/r/tests/run.R"],
    count: countOf,
  },
  {
    name: "harness-java",
    needs: ["java"],
    language: "java",
    alone: false,
    env: {},
    live: false,
    command: () => [findTool("mvn", DATA), "--batch-mode", "--no-transfer-progress", "-Dstyle.color=never", "-f", "runtimes/java/pom.xml", "verify"],
    count: (output) =>
      sum(output, /Tests run: (\d+), Failures: (\d+), Errors: (\d+), Skipped: (\d+)$/m, (run, failures, errors, skipped) => ({
        passed: run - failures - errors - skipped,
        failed: failures + errors,
      })),
  },
  client("python", "r"),
  client("java", "python"),
  client("node", "java"),
];

function sum(output: string, pattern: RegExp, counts: (...numbers: [number, number, number, number]) => Counts): Counts | null {
  const match = pattern.exec(output);
  return match === null ? null : counts(...(match.slice(1).map(Number) as [number, number, number, number]));
}
