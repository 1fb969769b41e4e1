// Every test of the project: `npm test`, or `node test/run.ts [SUITE | LANGUAGE]...`. One line per suite, failures as they come, and a
// closing line that counts. Exit code 1 when anything failed.
import { join } from "node:path";
import { parseArgs } from "node:util";
import { PACKAGE_ROOT } from "../src/package-root.ts";
import { probeRuntime, readRuntimes } from "../workers/runtimes.ts";
import { runSuite } from "./runner/run-suite.ts";
import { SUITES, type Suite } from "./runner/suites.ts";
import { DATA } from "./support/data-folder.ts";
import { isLanguage, LANGUAGES, type Language } from "./support/languages.ts";

const PARALLEL = 2;

interface Choice {
  readonly suites: readonly Suite[];
  readonly languages: readonly Language[];
}

/** `contract python`: the suite for that language; `harness`: every suite whose name begins so. Nothing: everything. */
function choose(words: readonly string[]): Choice {
  const languages = words.filter(isLanguage);
  const names = words.filter((word) => !isLanguage(word));
  const unknown = names.filter((name) => !SUITES.some((suite) => suite.name.startsWith(name)));
  if (unknown.length > 0)
    throw new Error(
      `no suite is called ${unknown.join(", ")}; there are ${SUITES.map(({ name }) => name).join(", ")}, and the languages ${LANGUAGES.join(", ")}`,
    );
  const suites = SUITES.filter(
    ({ name, language }) =>
      (names.length === 0 || names.some((word) => name.startsWith(word))) && (languages.length === 0 || language === null || languages.includes(language)),
  );
  return { suites, languages: languages.length === 0 ? LANGUAGES : languages };
}

/** What cannot run here, by language, with the command that mends it. */
async function missingRuntimes(languages: readonly Language[]): Promise<Map<Language, string>> {
  const runtimes = readRuntimes(join(PACKAGE_ROOT, "runtimes"));
  const statuses = await Promise.all(
    languages.map(async (language) => {
      const runtime = runtimes.find((candidate) => candidate.language === language);
      const status = runtime === undefined ? { ok: false as const, problem: `there is no runtimes/${language}` } : await probeRuntime(runtime, DATA);
      return [language, status.ok ? null : status.problem] as const;
    }),
  );
  return new Map(statuses.filter((entry): entry is [Language, string] => entry[1] !== null));
}

class Run {
  passed = 0;
  failed = 0;
  readonly #languages: readonly Language[];
  readonly #missing: ReadonlyMap<Language, string>;

  constructor(languages: readonly Language[], missing: ReadonlyMap<Language, string>) {
    this.#languages = languages.filter((language) => !missing.has(language));
    this.#missing = missing;
  }

  /** In order, two at a time; those that want to be alone are. */
  async all(suites: readonly Suite[]): Promise<void> {
    const running = new Set<Promise<void>>();
    for (const suite of suites) {
      while (running.size >= (suite.alone ? 1 : PARALLEL)) await Promise.race(running);
      const ended: Promise<void> = this.#one(suite).finally(() => running.delete(ended));
      running.add(ended);
      if (suite.alone) await ended;
    }
    await Promise.all(running);
  }

  async #one(suite: Suite): Promise<void> {
    const lacking = suite.needs.filter((language) => this.#missing.has(language));
    if (lacking.length > 0) {
      console.log(`SKIPPED  ${suite.name.padEnd(15)} without ${lacking.join(", ")}`);
      return;
    }
    const { passed, failed, seconds, output } = await runSuite(suite, this.#languages);
    this.passed += passed;
    this.failed += failed;
    process.stdout.write(output);
    console.log(
      `${failed > 0 ? "FAILED " : "ok     "}  ${suite.name.padEnd(15)} ${seconds.toFixed(1).padStart(6)} s  ${passed} passed${failed > 0 ? `, ${failed} failed` : ""}`,
    );
  }
}

const { suites, languages } = choose(parseArgs({ allowPositionals: true }).positionals);
const missing = await missingRuntimes(languages);
const run = new Run(languages, missing);
await run.all(suites);
for (const [language, problem] of missing) console.log(`MISSING  ${language}: nothing of it was tested: ${problem}`);
if (process.env["CI"] === "true") run.failed += missing.size;
console.log(`\n${run.passed} passed, ${run.failed} failed`);
process.exitCode = run.failed > 0 ? 1 : 0;
