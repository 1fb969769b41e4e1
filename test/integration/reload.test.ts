// The models folder changes while the server runs: no call fails, and what cannot be loaded replaces nothing.
import assert from "node:assert/strict";
import { rmSync } from "node:fs";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { type CommandResult, runCli } from "../support/cli.ts";
import { failureOf } from "../support/client.ts";
import { ModelsFolder } from "../support/models.ts";
import { type Server, startServer } from "../support/server.ts";
import { tensor } from "../support/tensors.ts";

const YAML = "inputs: [{name: x, datatype: INT32, shape: [-1]}]\noutputs: [{name: y, datatype: INT32, shape: [-1]}]\nbatching: {max_size: 8}\n";
const RELOADS = 20;
const CALLERS = 16;

/** A model on two instances that answers `number` for each element. */
function answering(number: number): Readonly<Record<string, string>> {
  return { "model.yaml": `${YAML}instances: {min: 2}\n`, "model.mjs": `export default ({ x }) => ({ y: x.data.fill(${number}) });\n` };
}

const BROKEN = { "model.mjs": "throw new Error('no weights');\n" };

async function answerOf(server: Server, model: string): Promise<number | undefined> {
  return (await server.client.infer(model, [tensor("x", "INT32", [-1])]))["y"]?.data.readInt32LE();
}

describe("a models folder that changes", () => {
  const models = new ModelsFolder();
  let server: Server;
  before(async () => {
    models
      .add("changing", answering(0))
      .add("going", answering(0))
      .add("breaking", answering(1))

      .add("hopeless", { ...answering(1), ...BROKEN });
    server = await startServer({ models: models.path, env: { IDIOM_RELOAD_INTERVAL: "0s" } });
  });
  after(() => server.stop());

  const call = (model: string): Promise<number | undefined> => answerOf(server, model);
  const idiom = (...args: string[]): Promise<CommandResult> => runCli(args, { env: { IDIOM_SERVER: server.address } });
  const describeModel = async (model: string): Promise<{ summary: { state: string; update: { state: string; reason: string } | null } }> =>
    JSON.parse((await idiom("describe", "model", model, "-o", "json")).stdout)[0];

  test(`${RELOADS} times under constant traffic fails no call, and each change answers from its reload on`, { timeout: 120_000 }, async (t) => {
    let current = 0;
    let calls = 0;
    let ending = false;
    const callers = Array.from({ length: CALLERS }, async () => {
      for (; !ending; calls++) {
        const before = current;
        const answer = await call("changing");
        assert.ok(answer !== undefined && answer >= before && answer <= current + 1, `${answer} was answered while ${before} to ${current + 1} was served`);
      }
    });
    const reloads = async (): Promise<void> => {
      for (let number = 1; number <= RELOADS; number++) {
        models.add("changing", answering(number));
        const { code, stderr } = await idiom("reload");
        assert.equal(code, 0, stderr);
        current = number;
      }
    };
    await Promise.all([reloads().finally(() => (ending = true)), ...callers]);
    assert.equal(await call("changing"), RELOADS);
    assert.equal(await server.metric("idiom_request_errors_total", { model: "changing" }), 0);
    t.diagnostic(`${calls} calls`);
  });

  test("to something that cannot be loaded leaves what was there before serving, and says so until it is mended", async () => {
    models.add("breaking", BROKEN);
    const broken = await idiom("reload");
    assert.equal(broken.code, 5);
    assert.match(broken.stdout, /^breaking +1 +changed +failed .*Error: no weights$/m);
    assert.equal(await call("breaking"), 1);
    const { summary } = await describeModel("breaking");
    assert.deepEqual([summary.state, summary.update?.state], ["ready", "failed"]);
    assert.match((await idiom("status")).stdout, /model 'breaking' version '1' serves what its folder held before; what it holds now: Error: no weights/);
    models.add("breaking", { "model.yaml": "inptus: []\n" });
    assert.match((await idiom("reload")).stdout, /unknown key 'inptus'/);
    assert.equal(await call("breaking"), 1);
    models.add("breaking", answering(3));
    assert.equal((await idiom("reload")).code, 0);
    assert.equal(await call("breaking"), 3);
    assert.equal((await describeModel("breaking")).summary.update, null);
  });

  test("mends a model that could not be loaded before", async () => {
    models.add("hopeless", answering(1));
    assert.equal((await idiom("reload")).code, 0);
    assert.equal(await call("hopeless"), 1);
  });

  test("gets a new model, which leaves the server ready meanwhile", async () => {
    models.add("new/7", answering(7));
    const [reload, health] = await Promise.all([idiom("reload"), fetch(`${server.http}/healthz`)]);
    assert.match(reload.stdout, /^new +7 +added +ready/m);
    assert.equal(health.status, 200);
    assert.equal(await call("new"), 7);
    assert.equal(await server.health.check("new"), "SERVING");
  });

  test("loses a model: it is not found any more", async () => {
    rmSync(join(models.path, "going"), { recursive: true });
    assert.match((await idiom("reload")).stdout, /^going +1 +removed +removed/m);
    assert.match((await failureOf(call("going"))).details, /'going' is not found/);
    assert.equal(await server.health.check("going"), "NOT_SERVING");
  });

  test("stays as it was: there is nothing to reload", async () => {
    assert.deepEqual(await idiom("reload", "-o", "json"), { code: 0, stdout: "[]\n", stderr: "nothing has changed\n" });
  });
});

test("a changed folder is noticed without being asked", async () => {
  const models = new ModelsFolder().add("polled", answering(1));
  const server = await startServer({ models: models.path, env: { IDIOM_RELOAD_INTERVAL: "100ms" } });
  try {
    const since = server.log.count;
    models.add("polled", answering(2));
    await server.logged((entry) => entry.model === "polled" && entry.msg.startsWith("changed: ready"), since);
    assert.equal(await answerOf(server, "polled"), 2);
  } finally {
    await server.stop();
  }
});
