// The behaviour suite's frame: one server per test file with the fixture models of its behaviours in every language, the same
// tests for each of them, and the list of what a language cannot do.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { PACKAGE_ROOT } from "../../src/package-root.ts";
import { laneEnvironment } from "./lane.ts";
import { activeLanguages, type Language } from "./languages.ts";
import { fixtureModels, fixtureName } from "./models.ts";
import { type Server, startServer } from "./server.ts";

export interface Exclusion {
  readonly behaviour: string;
  readonly language: Language;
  readonly test: string;
  readonly reason: string;
}

export const EXCLUSIONS = JSON.parse(readFileSync(join(PACKAGE_ROOT, "test", "contract", "exclusions.json"), "utf8")) as Exclusion[];

const TEST_TIMEOUT_MS = 30_000;
const START_TIMEOUT_MS = 120_000;

/** What the tests of one behaviour in one language work with. */
export interface Subject {
  readonly language: Language;
  /** The model's name at the front door. */
  readonly model: string;
  /** Only inside of tests: the server starts before the first one. */
  readonly server: Server;
  /**
   * One test. If exclusions.json names it, it must fail an assertion: an exclusion that is no longer needed is an error, too.
   */
  expect(name: string, body: () => Promise<void>): void;
}

/** Defines the tests of these behaviours, which share one server, for each language. */
export function contract(behaviours: Readonly<Record<string, (subject: Subject) => void>>): void {
  const languages = activeLanguages();
  let server: Server | null = null;
  before(
    async () => {
      server = await startServer({ models: fixtureModels(Object.keys(behaviours), languages).path, env: laneEnvironment() });
    },
    { timeout: START_TIMEOUT_MS },
  );
  after(() => server?.stop());
  for (const [behaviour, define] of Object.entries(behaviours)) {
    describe(behaviour, () => {
      for (const language of languages) describe(language, () => defineFor(behaviour, language, define, () => server as Server));
    });
  }
}

function defineFor(behaviour: string, language: Language, define: (subject: Subject) => void, server: () => Server): void {
  const unused = new Map(EXCLUSIONS.filter((entry) => entry.behaviour === behaviour && entry.language === language).map((entry) => [entry.test, entry]));
  define({
    language,
    model: fixtureName(behaviour, language),
    get server() {
      return server();
    },
    expect(name, body) {
      const exclusion = unused.get(name);
      unused.delete(name);
      if (exclusion === undefined) test(name, { timeout: TEST_TIMEOUT_MS }, body);
      else
        test(`${name} (excluded: ${exclusion.reason})`, { timeout: TEST_TIMEOUT_MS }, () =>
          assert.rejects(body, { code: "ERR_ASSERTION" }, "this exclusion is no longer needed"),
        );
    },
  });
  assert.deepEqual([...unused.keys()], [], `exclusions.json names tests of ${behaviour} in ${language} that do not exist`);
}
