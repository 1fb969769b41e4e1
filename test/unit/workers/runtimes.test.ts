import assert from "node:assert/strict";
import { chmodSync } from "node:fs";
import { join } from "node:path";
import { describe, type TestContext, test } from "node:test";
import { PACKAGE_ROOT } from "../../../src/package-root.ts";
import { canFork, findTool, harnessEnvironment, probeRuntime, type RuntimeDefinition, readRuntimes, resolveCommand } from "../../../workers/runtimes.ts";
import { temporaryFolder } from "../../support/folders.ts";
import { idiomError } from "../../support/idiom-error.ts";

const PYTHON = {
  language: "python",
  entry_files: ["model.py"],
  transport: "socket",
  needs: null,
  forks: false,
  forks_with: null,
  soft_cancel: "signal",
  command: ["{environment}/bin/python", "{harness}/main.py"],
  env: { PYTHONUNBUFFERED: "1" },
  data_headroom_mb: 0,
  version_command: ["{environment}/bin/python", "--version"],
} as const;

/** A data folder with these programs below it. */
function dataWith(t: TestContext, ...programs: string[]): string {
  const data = temporaryFolder(t, Object.fromEntries(programs.map((program) => [program, ""])));
  for (const program of programs) chmodSync(join(data, program), 0o755);
  return data;
}

const runtime = (rest: Partial<RuntimeDefinition> = {}): RuntimeDefinition =>
  ({ ...structuredClone(PYTHON), folder: "/runtimes/python", ...rest }) as RuntimeDefinition;

test("the four languages of this package can be read, each in the folder of its name", () => {
  const runtimes = readRuntimes(join(PACKAGE_ROOT, "runtimes"));
  assert.deepEqual(runtimes.map(({ language }) => language).sort(), ["java", "node", "python", "r"]);
  for (const { language, folder } of runtimes) assert.equal(folder, join(PACKAGE_ROOT, "runtimes", language));
});

describe("a folder of runtimes", () => {
  test("leaves folders alone that have no runtime.json", (t) => {
    const root = temporaryFolder(t, { "python/runtime.json": JSON.stringify(PYTHON), "common/notes.txt": "", "runtime.json": "{}" });
    assert.deepEqual(readRuntimes(root), [{ ...PYTHON, folder: join(root, "python") }]);
  });

  for (const key of Object.keys(PYTHON)) {
    test(`is refused where a runtime.json lacks ${key}`, (t) => {
      const root = temporaryFolder(t, { "python/runtime.json": JSON.stringify({ ...PYTHON, [key]: undefined }) });
      assert.throws(() => readRuntimes(root), new RegExp(key));
    });
  }

  test("is refused where a runtime.json has a key that nobody knows", (t) => {
    const root = temporaryFolder(t, { "python/runtime.json": JSON.stringify({ ...PYTHON, transports: [] }) });
    assert.throws(() => readRuntimes(root), /transports/);
  });
});

test("a language forks where it can and what it needs for that has been built", (t) => {
  const data = temporaryFolder(t, { "harness/python/fork.so": "" });
  const forks = (rest: Partial<RuntimeDefinition>): boolean => canFork(runtime(rest), data);
  assert.deepEqual(
    [
      {},
      { forks: true },
      { forks: true, forks_with: "{built}/fork.so" },
      { forks: true, forks_with: "{built}/other.so" },
      { forks_with: "{built}/fork.so" },
    ].map(forks),
    [false, true, true, false, false],
  );
});

describe("a runtime", () => {
  const MADE: Partial<RuntimeDefinition> = { needs: "{built}/harness.rds", version_command: ["{node}", "--version"] };

  test("is there once set-up has made what it needs", async (t) => {
    const data = temporaryFolder(t, { "harness/python/harness.rds": "" });
    assert.deepEqual(await probeRuntime(runtime(MADE), data), { language: "python", ok: true, version: process.version });
  });

  test("is not there before, and says what to run", async (t) => {
    const data = temporaryFolder(t);
    const problem = `${join(data, "harness/python/harness.rds")} is not there; run: npm run setup`;
    assert.deepEqual(await probeRuntime(runtime(MADE), data), { language: "python", ok: false, problem });
  });
});

describe("a command", () => {
  const resolve = (data: string, ...words: string[]): string[] => resolveCommand(runtime(), words, data, 3 * 2 ** 20 + 1);

  test("has its placeholders filled in", (t) => {
    const data = dataWith(t, "environments/python/bin/python");
    assert.deepEqual(resolve(data, "{environment}/bin/python", "{harness}/main.py", "--max={memory_mb}", "-cp", "{built}/a.jar:{built}"), [
      join(data, "environments/python/bin/python"),
      "/runtimes/python/harness/main.py",
      "--max=3",
      "-cp",
      `${data}/harness/python/a.jar:${data}/harness/python`,
    ]);
  });

  test("may be run by Idiom's own Node", (t) => {
    assert.deepEqual(resolve(dataWith(t), "{node}"), [process.execPath]);
  });

  test("takes a tool of the data folder before one of the machine", (t) => {
    const data = dataWith(t, "tools/bin/sh");
    assert.deepEqual(resolve(data, "{tool:sh}"), [join(data, "tools/bin/sh")]);
  });

  test("takes a tool of the machine where the data folder has none", (t) => {
    assert.match(resolve(dataWith(t), "{tool:sh}")[0] ?? "", /^\/.*\/sh$/);
  });

  test("leaves words alone that are no placeholders", (t) => {
    assert.deepEqual(resolve(dataWith(t), "sh", "{}", "{unknown}", "$HOME"), ["sh", "{}", "{unknown}", "$HOME"]);
  });

  test("whose program is not there is refused with the way out", (t) => {
    const data = dataWith(t);
    assert.throws(
      () => resolve(data, "{environment}/bin/python"),
      idiomError("MODEL_NOT_READY", `${join(data, "environments/python/bin/python")} is not there; run: npm run setup`),
    );
  });

  test("whose tool is not installed is refused with the way out", (t) => {
    assert.throws(() => resolve(dataWith(t), "{tool:nosuchtool}"), idiomError("MODEL_NOT_READY", "nosuchtool is not installed; install it"));
  });
});

test("a file that is not executable is no tool", (t) => {
  const data = temporaryFolder(t, { "tools/bin/nosuchtool": "" });
  assert.throws(() => findTool("nosuchtool", data), idiomError("MODEL_NOT_READY", /^nosuchtool is not installed/));
});

test("a harness inherits nothing of the host's environment", () => {
  assert.deepEqual(harnessEnvironment(runtime()), {
    PATH: "/usr/local/bin:/usr/bin:/bin",
    HOME: "{tmp}",
    TMPDIR: "{tmp}",
    LANG: "C.UTF-8",
    PYTHONUNBUFFERED: "1",
  });
});
