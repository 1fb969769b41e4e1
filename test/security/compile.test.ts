// Java models are compiled by the host, outside of any sandbox: nothing that a model brings may take part in it.
import assert from "node:assert/strict";
import { copyFileSync, existsSync, rmSync, symlinkSync } from "node:fs";
import { join } from "node:path";
import { before, describe, test } from "node:test";
import type { ModelVersion } from "../../src/core/model.ts";
import { runTool } from "../../src/process/spawn.ts";
import { librariesOf } from "../../workers/environments/libraries.ts";
import { findTool } from "../../workers/runtimes.ts";
import { DATA } from "../support/data-folder.ts";
import { idiomError } from "../support/idiom-error.ts";
import { activeLanguages } from "../support/languages.ts";
import { ModelsFolder } from "../support/models.ts";

const MODEL = { "Model.java": "public class Model { public static double predict(double x) { return x; } }\n" };
const models = new ModelsFolder();
/** What the plugin leaves when it runs. */
const trace = join(models.path, "trace");
const jar = join(models.path, "evil.jar");
const PLUGIN = `public class Evil implements com.sun.source.util.Plugin {
  public Evil() throws java.io.IOException { new java.io.FileOutputStream("${trace}").close(); }
  public String getName() { return "Evil"; }
  public boolean autoStart() { return true; }
  public void init(com.sun.source.util.JavacTask task, String... args) {}
}
`;

function inFolder(name: string, files: Readonly<Record<string, string>>): string {
  models.add(name, files);
  return join(models.path, name);
}

function compile(folder: string): Promise<string[]> {
  return librariesOf({ folder, digest: folder, manifest: { runtime: "java" } } as unknown as ModelVersion, join(models.path, "data"));
}

describe("compiling a Java model", { skip: !activeLanguages().includes("java") }, () => {
  before(async () => {
    const source = inFolder("plugin", { "Evil.java": PLUGIN, "classes/META-INF/services/com.sun.source.util.Plugin": "Evil\n" });
    await runTool(findTool("javac", DATA), ["-d", join(source, "classes"), join(source, "Evil.java")]);
    await runTool(findTool("jar", DATA), ["--create", "--file", jar, "-C", join(source, "classes"), "."]);
  });

  test("javac by itself runs a plugin that it finds among the libraries", async () => {
    const folder = inFolder("by-itself", MODEL);
    await runTool(findTool("javac", DATA), ["-cp", jar, "-d", folder, join(folder, "Model.java")]);
    assert.ok(existsSync(trace));
    rmSync(trace);
  });

  test("a plugin among the model's libraries is not run", async () => {
    const folder = inFolder("brings-plugin", MODEL);
    copyFileSync(jar, join(folder, "evil.jar"));
    await compile(folder);
    assert.ok(!existsSync(trace));
  });

  test("the name of a source is a name, not an option and not a file of options", async () => {
    const folder = inFolder("brings-options", {
      ...MODEL,
      "@options.java": "class A {}\n",
      "options.java": `class B {} // -processorpath ${jar}\n`,
      "-version.java": "class C {}\n",
    });
    const [classes] = await compile(folder);
    for (const name of ["A", "B", "C", "Model"]) assert.ok(existsSync(join(classes as string, `${name}.class`)), name);
    assert.ok(!existsSync(trace));
  });

  test("sources and libraries that are none of the model's own are refused by name", async () => {
    for (const [name, target] of [
      ["Users.java", "/etc/passwd"],
      ["link.jar", jar],
    ] as const) {
      const folder = inFolder(`brings-${name}`, MODEL);
      symlinkSync(target, join(folder, name));
      await assert.rejects(
        compile(folder),
        idiomError("MODEL_INVALID", `${name}: it leads out of the model's folder, or is no plain file; put the file itself there`),
      );
    }
  });

  test("libraries keep the path by which the model is reached, which alone its sandbox shows", async () => {
    const folder = inFolder("reached", MODEL);
    copyFileSync(jar, join(folder, "lib.jar"));
    const link = join(models.path, "by-link");
    symlinkSync(folder, link);
    assert.deepEqual((await compile(link)).slice(1), [link, join(link, "lib.jar")]);
  });

  test("a library does not lead the compiler to the sources of another model", async () => {
    const other = inFolder("other", { "Secret.java": 'public class Secret { public static final String WORD = "of another model"; }\n' });
    const folder = inFolder("brings-manifest", {
      "Model.java": MODEL["Model.java"].replace("return x", "return Secret.WORD.length()"),
      manifest: "Class-Path: ../other/\n",
    });
    await runTool(findTool("jar", DATA), ["--create", "--file", join(folder, "lib.jar"), "--manifest", join(folder, "manifest")]);
    await assert.rejects(compile(folder), /package Secret does not exist/);
    assert.ok(existsSync(join(other, "Secret.java")));
  });
});
