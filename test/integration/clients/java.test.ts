// The Java clients, with stubs that Maven generates from the protocols' own files, ask the Python model: in a call, and in a job.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { stripVTControlCharacters } from "node:util";
import { runCommand } from "../../support/cli.ts";
import { CLIENTS, serveExample } from "../../support/example-clients.ts";
import { temporaryFolder } from "../../support/folders.ts";

const BUILD_TIMEOUT_MS = 240_000;

/** What the program prints. */
async function runJava(...more: string[]): Promise<string> {
  const quietly = ["--batch-mode", "--quiet", "--no-transfer-progress", "-Dstyle.color=never"];
  const { code, stdout, stderr } = await runCommand("mvn", [...quietly, "-f", join(CLIENTS, "java", "pom.xml"), "compile", "exec:java", ...more], {
    env: process.env,
  });
  assert.equal(code, 0, `${stdout}\n${stderr}`);
  return stripVTControlCharacters(stdout);
}

test("the Java client gets the Python model's answers", { timeout: BUILD_TIMEOUT_MS }, async (t) => {
  const server = await serveExample(t, "breast-cancer");
  assert.equal(await runJava(`-Dexec.args=--url ${server.address}`), "malignant 0.99\nbenign 0.99\n");
});

test("the Java client scores a file in a job", { timeout: BUILD_TIMEOUT_MS }, async (t) => {
  const server = await serveExample(t, "breast-cancer");
  const columns =
    "mean_radius,mean_texture,mean_smoothness,mean_concavity,mean_concave_points,worst_radius,worst_texture,worst_smoothness,worst_concave_points";
  const row = "17.99,10.38,0.1184,0.3001,0.1471,25.38,17.33,0.1622,0.2654";
  const folder = temporaryFolder(t, { "in.csv": `${columns}\n${row}\n${row}\n` });
  const printed = await runJava("-Dexec.mainClass=example.ScoreFile", `-Dexec.args=${server.address} ${join(folder, "in.csv")} ${join(folder, "out.csv")}`);
  assert.equal(printed, "2 rows\n");
  const [header, first, second] = readFileSync(join(folder, "out.csv"), "utf8").split("\n");
  assert.equal(header, "diagnosis,probability");
  assert.equal(first, "malignant,0.985309");
  assert.equal(second, first);
});
