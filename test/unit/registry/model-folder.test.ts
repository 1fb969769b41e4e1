import assert from "node:assert/strict";
import { mkdirSync, renameSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, type TestContext, test } from "node:test";
import type { ModelVersion } from "../../../src/core/model.ts";
import { scanModels } from "../../../src/registry/folder-watch.ts";
import type { RuntimeMarker } from "../../../src/registry/model-folder.ts";
import type { ScannedModels } from "../../../src/registry/registry.ts";
import { temporaryFolder, writeFiles } from "../../support/folders.ts";
import { idiomError } from "../../support/idiom-error.ts";

const RUNTIMES: readonly RuntimeMarker[] = [
  { language: "java", entryFiles: ["Model.java", "pom.xml"] },
  { language: "python", entryFiles: ["model.py"] },
];

function scan(t: TestContext, files: Record<string, string>): Promise<ScannedModels> {
  return scanModels(temporaryFolder(t, files), RUNTIMES);
}

async function onlyVersion(root: string): Promise<ModelVersion> {
  const [version, ...more] = (await scanModels(root, RUNTIMES)).versions;
  assert.ok(version !== undefined && more.length === 0);
  return version;
}

const keys = ({ versions }: ScannedModels): string[] => versions.map((version) => version.key);

describe("a folder of models", () => {
  test("holds version 1 of a model in each folder", async (t) => {
    assert.deepEqual(keys(await scan(t, { "churn/model.py": "", "wine/Model.java": "" })), ["churn/1", "wine/1"]);
  });

  test("may hold a model's versions in numbered folders", async (t) => {
    assert.deepEqual(keys(await scan(t, { "churn/1/model.py": "", "churn/12/model.py": "" })), ["churn/1", "churn/12"]);
  });

  test("takes numbered folders beside a model.yaml for a part of the model", async (t) => {
    assert.deepEqual(keys(await scan(t, { "churn/model.yaml": "", "churn/model.py": "", "churn/2/notes.txt": "" })), ["churn/1"]);
  });

  test("takes only positive numbers without leading zeros for versions", async (t) => {
    assert.deepEqual(keys(await scan(t, { "churn/3/model.py": "", "churn/03/model.py": "", "churn/0/model.py": "", "churn/v4/model.py": "" })), ["churn/3"]);
  });

  test("leaves hidden folders and plain files alone", async (t) => {
    assert.deepEqual(keys(await scan(t, { ".git/model.py": "", "README.md": "", "churn/model.py": "" })), ["churn/1"]);
  });

  test("leaves symbolic links to folders alone", async (t) => {
    const root = temporaryFolder(t, { "churn/model.py": "" });
    symlinkSync(join(root, "churn"), join(root, "linked"));
    assert.deepEqual(keys(await scanModels(root, RUNTIMES)), ["churn/1"]);
  });

  test("may itself be reached by a symbolic link", async (t) => {
    const root = temporaryFolder(t, { "real/churn/model.py": "" });
    symlinkSync(join(root, "real"), join(root, "models"));
    assert.deepEqual(keys(await scanModels(join(root, "models"), RUNTIMES)), ["churn/1"]);
  });

  test("may be empty", async (t) => {
    assert.deepEqual(await scan(t, {}), { versions: [], broken: [] });
  });

  test("that is not there is refused with the way out", async () => {
    await assert.rejects(
      scanModels("/nowhere/models", RUNTIMES),
      idiomError("MODEL_INVALID", "/nowhere/models is no folder; IDIOM_MODELS names the folder that holds a folder per model"),
    );
  });

  test("that is a file is refused", async (t) => {
    const root = temporaryFolder(t, { models: "" });
    await assert.rejects(scanModels(join(root, "models"), RUNTIMES), idiomError("MODEL_INVALID", /models is no folder/));
  });
});

describe("a model version", () => {
  test("has the name of its folder, or the one in its model.yaml", async (t) => {
    assert.deepEqual(keys(await scan(t, { "a/model.py": "", "b/model.py": "", "b/model.yaml": "name: churn" })), ["a/1", "churn/1"]);
  });

  test("has the name of the model's folder where its versions are numbered", async (t) => {
    assert.deepEqual(
      (await scan(t, { "churn/2/model.py": "" })).versions.map(({ name, version }) => ({ name, version })),
      [{ name: "churn", version: "2" }],
    );
  });

  test("has the language of the file that shows it", async (t) => {
    const languages = (await scan(t, { "a/model.py": "", "b/pom.xml": "" })).versions.map((version) => version.manifest.runtime);
    assert.deepEqual(languages, ["python", "java"]);
  });

  test("shows the signature of its first golden file", async (t) => {
    const side = (name: string): object[] => [{ name, datatype: "FP32", shape: [1], data: [1] }];
    const golden = JSON.stringify({ request: { inputs: side("x") }, response: { outputs: side("y") } });
    const [version] = (await scan(t, { "a/model.py": "", "a/golden/1.json": golden })).versions;
    assert.deepEqual([version?.golden?.inputs?.[0]?.name, version?.golden?.outputs?.[0]?.name], ["x", "y"]);
  });

  test("without golden files shows none", async (t) => {
    assert.equal((await scan(t, { "a/model.py": "" })).versions[0]?.golden, null);
  });
});

describe("a broken version", () => {
  test("hinders no other, and says why", async (t) => {
    const { versions, broken } = await scan(t, { "a/model.py": "", "a/model.yaml": "nam: x", "b/model.py": "" });
    assert.deepEqual(
      versions.map((version) => version.key),
      ["b/1"],
    );
    assert.deepEqual(broken, [{ name: "a", version: "1", reason: "a/model.yaml:1:1: unknown key 'nam'; did you mean 'name'?" }]);
  });

  test("is a folder whose language nothing says", async (t) => {
    assert.deepEqual((await scan(t, { "a/notes.txt": "" })).broken, [
      { name: "a", version: "1", reason: 'a/model.yaml: no file says which language this model is written in; add a line such as "runtime: python"' },
    ]);
  });

  test("is one whose model.yaml is a link: what it leads to is not read", async (t) => {
    const root = temporaryFolder(t, { secret: "password: of the host", "a/model.py": "" });
    symlinkSync(join(root, "secret"), join(root, "a", "model.yaml"));
    const [broken] = (await scanModels(root, RUNTIMES)).broken;
    assert.equal(broken?.reason, "model.yaml: it leads out of the model's folder, or is no plain file; put the file itself there");
  });

  test("is none whose model.yaml is a link within its folder, as Kubernetes mounts a ConfigMap", async (t) => {
    const root = temporaryFolder(t, { "a/model.py": "", "a/..data/model.yaml": "name: churn" });
    symlinkSync(join("..data", "model.yaml"), join(root, "a", "model.yaml"));
    assert.equal((await onlyVersion(root)).key, "churn/1");
  });

  test("is one whose model.yaml is too long to be one", async (t) => {
    const [broken] = (await scan(t, { "a/model.py": "", "a/model.yaml": "#".repeat(2 ** 20 + 1) })).broken;
    assert.equal(broken?.reason, "model.yaml: it has 1048577 bytes, and may have 1048576");
  });

  test("is one whose golden file cannot be read", async (t) => {
    const [broken] = (await scan(t, { "a/2/model.py": "", "a/2/golden/1.json": "{" })).broken;
    assert.deepEqual([broken?.name, broken?.version], ["a", "2"]);
    assert.match(broken?.reason ?? "", /^golden\/1\.json: /);
  });
});

describe("the digest", () => {
  const FILES = { "a/model.py": "x = 1", "a/lib/util.py": "y = 2" };
  const digestAfter = async (t: TestContext, change: (root: string) => void): Promise<{ before: string; after: string }> => {
    const root = temporaryFolder(t, FILES);
    const before = (await onlyVersion(root)).digest;
    change(root);
    return { before, after: (await onlyVersion(root)).digest };
  };

  test("is that of the content, wherever the folder lies and whatever it is called", async (t) => {
    const { before, after } = await digestAfter(t, (root) => renameSync(join(root, "a"), join(root, "moved")));
    assert.equal(after, before);
  });

  test("changes with a file's content", async (t) => {
    const { before, after } = await digestAfter(t, (root) => writeFileSync(join(root, "a/lib/util.py"), "y = 3"));
    assert.notEqual(after, before);
  });

  test("changes with a file's name", async (t) => {
    const { before, after } = await digestAfter(t, (root) => renameSync(join(root, "a/lib/util.py"), join(root, "a/lib/utils.py")));
    assert.notEqual(after, before);
  });

  test("changes with a new file, empty or not", async (t) => {
    const { before, after } = await digestAfter(t, (root) => writeFiles(root, { "a/empty.txt": "" }));
    assert.notEqual(after, before);
  });

  test("does not change with what Python compiles", async (t) => {
    const { before, after } = await digestAfter(t, (root) => writeFiles(root, { "a/lib/__pycache__/util.cpython-311.pyc": "bytes" }));
    assert.equal(after, before);
  });

  test("does not change with an empty folder", async (t) => {
    const { before, after } = await digestAfter(t, (root) => mkdirSync(join(root, "a/empty")));
    assert.equal(after, before);
  });

  test("tells where one file ends and the next begins", async (t) => {
    const one = (await onlyVersion(temporaryFolder(t, { "a/model.py": "ab", "a/n": "c" }))).digest;
    const other = (await onlyVersion(temporaryFolder(t, { "a/model.py": "a", "a/n": "bc" }))).digest;
    assert.notEqual(one, other);
  });
});
