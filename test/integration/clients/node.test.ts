// The Node client asks the Java model.
import assert from "node:assert/strict";
import { join } from "node:path";
import { test } from "node:test";
import { runCommand } from "../../support/cli.ts";
import { CLIENTS, serveExample } from "../../support/example-clients.ts";

test("the Node client gets the Java model's answers", async (t) => {
  const server = await serveExample(t, "wine");
  const { code, stdout, stderr } = await runCommand(process.execPath, [join(CLIENTS, "node", "client.mjs"), "--url", server.address], { env: process.env });
  assert.deepEqual([code, stderr], [0, ""]);
  assert.equal(stdout, "cultivar_1 1.00\ncultivar_2 0.64\n");
});
