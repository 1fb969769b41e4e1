// What the operator sees of the sandbox: its level in every report, a loud word where there is none, and no start where it cannot be had.
import assert from "node:assert/strict";
import { once } from "node:events";
import { chmodSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { describe, type TestContext, test } from "node:test";
import { runCli } from "../support/cli.ts";
import { temporaryFolder } from "../support/folders.ts";
import { activeLanguages } from "../support/languages.ts";
import { FIXTURES, fixtureName, ModelsFolder } from "../support/models.ts";
import { spawnUp, startServer } from "../support/server.ts";
import { assertSameTensor, tensor } from "../support/tensors.ts";

const MODELS = new ModelsFolder().add("identity", {
  "model.yaml": "inputs: [{name: x, datatype: INT32, shape: [-1]}]\noutputs: [{name: y, datatype: INT32, shape: [-1]}]\n",
  "model.mjs": "export default ({ x }) => ({ y: x });\n",
});

test("the health report and status name the level and its layers", async (t) => {
  const server = await startServer({ models: MODELS.path });
  t.after(() => server.stop());
  const health = (await (await fetch(`${server.http}/healthz`)).json()) as { sandbox: { level: string; layers: string[] } };
  assert.equal(health.sandbox.level, "strict");
  assert.ok(health.sandbox.layers.length >= 5);
  const { stdout } = await runCli(["status", "--server", server.address]);
  assert.match(stdout, /^sandbox strict$/m);
  assert.match(stdout, /system calls refused/);
});

test("without a sandbox that is said at the start and in status", async (t) => {
  const server = await startServer({ models: MODELS.path, env: { IDIOM_SANDBOX: "off" } });
  t.after(() => server.stop());
  assert.match(server.log.text, /SANDBOX OFF: models run with the rights of this process/);
  assert.match((await runCli(["status", "--server", server.address])).stdout, /! sandbox off: models run with the rights of the server/);
});

test("a model of each language runs in little memory", async (t) => {
  const models = new ModelsFolder();
  const languages = activeLanguages();
  for (const language of languages) {
    const manifest = readFileSync(join(FIXTURES, "named", language, "model.yaml"), "utf8");
    models.addFixture("named", language).add(fixtureName("named", language), { "model.yaml": `${manifest}\nlimits: {memory: 128MiB}\n` });
  }
  const server = await startServer({ models: models.path });
  t.after(() => server.stop());
  for (const language of languages) {
    const answer = await server.client.infer(fixtureName("named", language), [tensor("a", "INT32", [1, 2], [1, 2]), tensor("b", "INT32", [3, 4], [1, 2])]);
    assertSameTensor(answer["sum"], tensor("sum", "INT32", [4, 6], [1, 2]));
  }
});

describe("a sandbox that cannot be had stops the start", () => {
  /** The last words of a server whose bubblewrap is this shell script. */
  async function startWith(t: TestContext, script: string): Promise<{ code: number; said: string }> {
    const data = temporaryFolder(t, { "tools/bin/bwrap": `#!/bin/sh\n${script}\n` });
    chmodSync(`${data}/tools/bin/bwrap`, 0o755);
    const child = spawnUp({ models: MODELS.path, env: { IDIOM_DATA: data } });
    const [said, [code]] = await Promise.all([text(child.stderr as NonNullable<typeof child.stderr>), once(child, "exit")]);
    return { code: code as number, said };
  }

  test("with the reason and the way out", async (t) => {
    const { code, said } = await startWith(t, "echo 'bwrap: No permissions to create new namespace' >&2; exit 1");
    assert.notEqual(code, 0);
    assert.match(said, /models cannot be run at sandbox level strict: bwrap: No permissions to create new namespace/);
    assert.match(said, /IDIOM_SANDBOX=off/);
  });

  test("also when it starts a process and does not confine it", async (t) => {
    const { code, said } = await startWith(t, 'until expr "$1" : ".*/node$" >/dev/null; do shift; done; exec "$@"');
    assert.notEqual(code, 0);
    assert.match(said, /it does not hold: a process in it could .*make every system call/);
  });
});
