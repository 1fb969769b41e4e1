// The archive of the classes that a Java instance loads: it is used where it can be, and missed without a word where it cannot.
import assert from "node:assert/strict";
import { chmodSync, copyFileSync, mkdirSync, readFileSync, rmSync, statSync, truncateSync, utimesSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { before, describe, type TestContext, test } from "node:test";
import { PACKAGE_ROOT } from "../../src/package-root.ts";
import { descendantsOf } from "../../src/process/proc.ts";
import { runTool, spawnHarness } from "../../src/process/spawn.ts";
import { encodeJsonFrame } from "../../workers/instance/frame-codec.ts";
import { findTool, type RuntimeDefinition, readRuntimes, resolveCommand } from "../../workers/runtimes.ts";
import { runCommand } from "../support/cli.ts";
import { DATA } from "../support/data-folder.ts";
import { processFolder } from "../support/folders.ts";
import { startInProcess } from "../support/in-process.ts";
import { whyNoLandlock } from "../support/landlock.ts";
import { activeLanguages } from "../support/languages.ts";
import { FIXTURES, fixtureModels, fixtureName } from "../support/models.ts";

const runtime = readRuntimes(join(PACKAGE_ROOT, "runtimes")).find(({ language }) => language === "java") as RuntimeDefinition;
const ARCHIVE = "idiom-harness.jsa";

/** What this process has mapped, and those below it: at some levels it stands around the instance. */
function mappedBy(pid: number): string {
  return [pid, ...descendantsOf(pid)].map((each) => readFileSync(`/proc/${each}/maps`, "utf8")).join("");
}

const MODEL = join(FIXTURES, "matrix", "java");
const tensor = (name: string): object => ({ name, datatype: "INT32", shape: [-1, -1], content_type: null, na: null, levels: null });

/** Has the harness of this data folder load the model of its folder `classes`, with more options of the JVM, and returns what it printed. */
async function printed(data: string, ...options: string[]): Promise<string> {
  const [program, ...words] = resolveCommand(runtime, runtime.command, data, 2 ** 28).map((word) => word.replace("{tmp}", data));
  const command = [program as string, ...options, ...words];
  const child = await spawnHarness({ command, env: { LANG: "C.UTF-8" }, cwd: MODEL, transport: "socket", control: false });
  const init = { model: "m", version: "1", instance: "m", folder: MODEL, entry: null, per: "batch", content_type: null, max_frame: 2 ** 20 };
  child.output.write(encodeJsonFrame("INIT", 0, { ...init, libraries: [join(data, "classes")] }));
  child.output.write(encodeJsonFrame("BIND", 0, { inputs: [tensor("x")], outputs: [tensor("y")] }));
  child.output.write(encodeJsonFrame("DRAIN", 0, {}));
  const [said, ...output] = await Promise.all([child.input, child.stdout, child.stderr].map((stream) => text(stream)));
  assert.deepEqual([await child.exited, /"convention":"tensor"/.test(said ?? "")], [{ code: 0, signal: null }, true], output.join(""));
  return output.join("");
}

describe("the class archive of the Java harness", { skip: !activeLanguages().includes("java") && "java is not tested" }, () => {
  for (const level of ["strict", "landlock"] as const) {
    test(`is mapped by an instance at level ${level}`, { skip: level === "landlock" && whyNoLandlock() }, async (t) => {
      const models = fixtureModels(["matrix"], ["java"]).path;
      chmodSync(models, 0o755); // as root, an instance has a uid of its own
      const node = await startInProcess(models, { sandbox: level });
      t.after(() => node.stop());
      await node.up.settled();
      const [instance] = node.up.node.instancesOf(`${fixtureName("matrix", "java")}/1`);
      assert.equal(instance?.state.name, "ready");
      assert.match(mappedBy(instance?.pid ?? 0), new RegExp(`/${ARCHIVE}$`, "m"));
    });
  }

  describe("once made", () => {
    const data = processFolder();
    const folder = join(data, "harness", "java");
    const [jar, archive] = [join(folder, "idiom-harness.jar"), join(folder, ARCHIVE)];
    let whole: Buffer;
    before(
      async () => {
        mkdirSync(folder, { recursive: true });
        copyFileSync(join(DATA, "harness", "java", "idiom-harness.jar"), jar);
        const made = await runCommand(process.execPath, [join(PACKAGE_ROOT, "runtimes", "java", "archive", "make.mjs"), folder], { env: process.env });
        assert.equal(made.code, 0, made.stderr);
        whole = readFileSync(archive);
        await runTool(findTool("javac", DATA), ["-parameters", "-d", join(data, "classes"), join(MODEL, "Model.java")], { timeoutMs: 60_000 });
      },
      { timeout: 60_000 },
    );

    /** For one test, the archive with this content. */
    function replaced(t: TestContext, content: Uint8Array): void {
      rmSync(archive);
      t.after(() => {
        rmSync(archive, { force: true });
        writeFileSync(archive, whole);
      });
      writeFileSync(archive, content);
    }

    test("holds every class of the harness that a start needs", async () => {
      const classes = [...(await printed(data, "-Xlog:class+load")).matchAll(/ (idiom\.\S+) source: (.+)$/gm)];
      assert.ok(classes.length > 40, `${classes.length} classes`);
      for (const [, name, source] of classes) assert.equal(source, "shared objects file", name);
    });

    test("may be away", async (t) => {
      replaced(t, whole);
      rmSync(archive);
      assert.equal(await printed(data), "");
    });

    test("may be cut short", async (t) => {
      replaced(t, whole);
      for (const length of [whole.length - 4096, whole.length / 2, 4096, 100, 0]) {
        truncateSync(archive, Math.floor(length));
        assert.equal(await printed(data), "", `${length} bytes`);
      }
    });

    test("may be damaged", async (t) => {
      for (let part = 0; part < 10; part++) {
        const damaged = Buffer.from(whole);
        const at = Math.floor((part / 10) * whole.length) + 300;
        damaged.fill(0xff, at, at + 1000);
        replaced(t, damaged);
        assert.equal(await printed(data), "", `from byte ${at}`);
      }
    });

    test("may be another JVM's", async (t) => {
      const others = Buffer.from(whole);
      others.write("Other!", others.indexOf("Server VM"));
      replaced(t, others);
      assert.equal(await printed(data), "");
    });

    test("may be that of an older jar", async (t) => {
      const { atime, mtime } = statSync(jar);
      t.after(() => utimesSync(jar, atime, mtime));
      utimesSync(jar, 0, 0);
      assert.equal(await printed(data), "");
    });
  });
});
