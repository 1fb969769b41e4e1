// The Java client, with stubs that Maven generates from the protocol's own file, asks the Python model.
import assert from "node:assert/strict";
import { join } from "node:path";
import { test } from "node:test";
import { stripVTControlCharacters } from "node:util";
import { runCommand } from "../../support/cli.ts";
import { CLIENTS, serveExample } from "../../support/example-clients.ts";

const BUILD_TIMEOUT_MS = 240_000;

test("the Java client gets the Python model's answers", { timeout: BUILD_TIMEOUT_MS }, async (t) => {
  const server = await serveExample(t, "breast-cancer");
  const maven = [
    "--batch-mode",
    "--quiet",
    "--no-transfer-progress",
    "-Dstyle.color=never",
    "-f",
    join(CLIENTS, "java", "pom.xml"),
    "compile",
    "exec:java",
    `-Dexec.args=--url ${server.address}`,
  ];
  const { code, stdout, stderr } = await runCommand("mvn", maven, { env: process.env });
  assert.equal(code, 0, `${stdout}\n${stderr}`);
  assert.equal(stripVTControlCharacters(stdout), "malignant 0.99\nbenign 0.99\n");
});
