// The Python client, with NVIDIA's tritonclient as it is, asks the R model.
import assert from "node:assert/strict";
import { join } from "node:path";
import { test } from "node:test";
import { runCommand } from "../../support/cli.ts";
import { DATA } from "../../support/data-folder.ts";
import { CLIENTS, serveExample } from "../../support/example-clients.ts";

test("the Python client gets the R model's answers", async (t) => {
  const server = await serveExample(t, "penguins");
  const python = join(DATA, "environments", "clients-python", "bin", "python");
  const { code, stdout, stderr } = await runCommand(python, [join(CLIENTS, "python", "client.py"), "--url", server.address], { env: process.env });
  assert.deepEqual([code, stderr], [0, ""]);
  assert.equal(stdout, "Adelie     1.00\nGentoo     1.00\nno answer\n");
});
