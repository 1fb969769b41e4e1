// The Python clients ask the R model: with NVIDIA's tritonclient as it is, and in a job.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { runCommand } from "../../support/cli.ts";
import { DATA } from "../../support/data-folder.ts";
import { CLIENTS, serveExample } from "../../support/example-clients.ts";
import { temporaryFolder } from "../../support/folders.ts";

test("the Python client gets the R model's answers", async (t) => {
  const server = await serveExample(t, "penguins");
  const python = join(DATA, "environments", "clients-python", "bin", "python");
  const { code, stdout, stderr } = await runCommand(python, [join(CLIENTS, "python", "client.py"), "--url", server.address], { env: process.env });
  assert.deepEqual([code, stderr], [0, ""]);
  assert.equal(stdout, "Adelie     1.00\nGentoo     1.00\nno answer\n");
});

test("the Python client scores a file in a job", async (t) => {
  const server = await serveExample(t, "penguins");
  const columns = "tag,island,bill_length_mm,bill_depth_mm,flipper_length_mm,body_mass_g,sex";
  const folder = temporaryFolder(t, {
    "in.csv": `${columns}\nP-1,Biscoe,50,15,220,5000,male\nP-2,Dream,long,18,195,3800,\nP-3,Torgersen,39.1,18.7,181,3750,female\n`,
  });
  const python = join(DATA, "environments", "clients-python", "bin", "python");
  const program = [join(CLIENTS, "python", "job.py"), join(folder, "in.csv"), join(folder, "out.csv"), "--url", server.address];
  const { code, stderr } = await runCommand(python, program, { env: process.env });
  assert.equal(code, 0, stderr);
  assert.equal(readFileSync(join(folder, "out.csv"), "utf8"), "tag,species,adelie,chinstrap,gentoo\nP-1,Gentoo,0,0,1\nP-3,Adelie,1,0,0\n");
  assert.match(stderr, /"row":2,"code":"DATASET_INVALID"/);
});
