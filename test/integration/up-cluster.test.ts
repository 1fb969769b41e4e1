// `idiom up` on machines of its own folders of models each, that share a Redis: every front door answers for all of them, and for its own
// models whatever becomes of the others.
import assert from "node:assert/strict";
import { existsSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { status } from "@grpc/grpc-js";
import { runCli } from "../support/cli.ts";
import { Client, errorCode, failureOf } from "../support/client.ts";
import { Traffic } from "../support/cluster.ts";
import { processFolder } from "../support/folders.ts";
import { ModelsFolder } from "../support/models.ts";
import { RedisServer } from "../support/redis.ts";
import { redisBecomes } from "../support/redis-health.ts";
import { type Server, startServer } from "../support/server.ts";
import { assertSameTensor, tensor } from "../support/tensors.ts";

const YAML = "inputs: [{name: x, datatype: INT32, shape: [-1]}]\noutputs: [{name: y, datatype: INT32, shape: [-1]}]\n";
const ECHO = { "model.yaml": YAML, "model.mjs": "export default ({ x }) => ({ y: x });\n" };
/** Shorter than any call that is held waits. */
const AT_ONCE_MS = 5000;
const HANGS_MS = 10_000;

/** What a machine must have for the model `picky` to load on it. */
const weights = join(processFolder(), "weights");
const PICKY = {
  "model.yaml": YAML,
  "model.mjs": `import { existsSync } from "node:fs";
if (!existsSync(${JSON.stringify(weights)})) throw new Error("no weights");
export default ({ x }) => ({ y: x });
`,
};

const redis = new RedisServer();
before(() => redis.start());
after(() => redis.stop());

const startNode = (name: string, models: ModelsFolder, flags: readonly string[] = []): Promise<Server> =>
  startServer({ models: models.path, flags, env: { IDIOM_REDIS_URL: redis.url, IDIOM_NODE_NAME: name, IDIOM_SANDBOX: "off", IDIOM_RELOAD_INTERVAL: "0s" } });

let calls = 0;
/** A number that no other call has. */
const ask = async (through: { readonly client: Client }, model: string): Promise<void> => {
  const x = ++calls;
  const { y } = await through.client.infer(model, [tensor("x", "INT32", [x])], { deadline: Date.now() + HANGS_MS });
  assertSameTensor(y, tensor("y", "INT32", [x]));
};

const refusal = async (through: Server, model: string): Promise<[string | undefined, string | undefined, string]> => {
  const begun = performance.now();
  const error = await failureOf(ask(through, model));
  assert.ok(performance.now() - begun < AT_ONCE_MS, "it was held");
  return [status[error.code], errorCode(error), error.details];
};

/** The models that a node says are ready, by each way that it says so. */
const readyModels = async (node: Server): Promise<string[]> => {
  const { stdout } = await runCli(["get", "versions", "-o", "json"], { env: { IDIOM_SERVER: node.address } });
  const listed = (JSON.parse(stdout) as { name: string; state: string }[]).filter(({ state }) => state === "ready").map(({ name }) => name);
  const health = (await (await fetch(`${node.http}/healthz`)).json()) as { models: { name: string; state: string }[] };
  const healthy = health.models.filter(({ state }) => state === "ready").map(({ name }) => name);
  const index = await node.client.call<{ models: { name: string }[] }>("RepositoryIndex", { ready: true });
  const indexed = index.models.map(({ name }) => name);
  const readiness = await Promise.all(
    health.models.map(async ({ name }) => [name, (await node.client.call<{ ready: boolean }>("ModelReady", { name })).ready] as const),
  );
  const isReady = readiness.filter(([, ready]) => ready).map(([name]) => name);
  for (const other of [healthy, indexed, isReady]) assert.deepEqual(other, listed);
  return listed;
};

const problemsOf = async (node: Server): Promise<string> => (await runCli(["status"], { env: { IDIOM_SERVER: node.address } })).stdout;

describe("two nodes with models of their own", { timeout: 120_000 }, () => {
  let east: Server;
  let west: Server;

  const startWest = async (): Promise<Server> => {
    writeFileSync(weights, "");
    const started = await startNode("west", new ModelsFolder().add("western", ECHO).add("picky", PICKY));
    rmSync(weights);
    return started;
  };

  before(async () => {
    west = await startWest();
    east = await startNode("east", new ModelsFolder().add("eastern", ECHO).add("picky", PICKY));
    assert.equal(existsSync(weights), false);
    await Promise.all([east.health.says("western", "SERVING"), east.health.says("picky", "SERVING"), west.health.says("eastern", "SERVING")]);
  });
  after(() => Promise.all([east.stop(), west.stop()]));

  test("answer the calls to each other's, and say so in every way", async () => {
    for (const node of [east, west]) {
      assert.deepEqual(await readyModels(node), ["eastern", "picky", "western"]);
      await Promise.all(["eastern", "picky", "western"].map((model) => ask(node, model)));
    }
    const { stdout } = await runCli(["describe", "model", "western"], { env: { IDIOM_SERVER: east.address } });
    assert.match(stdout, /^State: +ready$/m);
    assert.match(stdout, /western\/1#1 .*ready/);
  });

  test("have one that cannot be loaded on this node and is ready on the other, and name the node that lacks it", async () => {
    assert.match(await problemsOf(east), /^! model 'picky' version '1' on node 'east' is failed: .*no weights/m);
    await Promise.all(Array.from({ length: 8 }, () => ask(east, "picky")));
  });

  test("do not find what nobody has", async () => {
    assert.deepEqual((await refusal(east, "nowhere")).slice(0, 2), ["NOT_FOUND", "MODEL_NOT_FOUND"]);
  });

  test("that drain refuse their own that no other has at once, and still pass on the rest", async () => {
    const { code, stderr } = await runCli(["drain", "west"], { env: { IDIOM_SERVER: east.address } });
    assert.equal(code, 0, stderr);
    await east.health.says("western", "NOT_SERVING");
    assert.deepEqual(await refusal(east, "western"), [
      "UNAVAILABLE",
      "MODEL_NOT_READY",
      "model 'western' version '1' is not at ready state: node 'west' is drained",
    ]);
    assert.equal((await refusal(west, "western"))[0], "UNAVAILABLE");
    await Promise.all([ask(east, "eastern"), ask(west, "eastern")]);
    await west.stop();
    west = await startWest();
    await Promise.all([east.health.says("western", "SERVING"), west.health.says("eastern", "SERVING")]);
    await Promise.all([ask(east, "western"), ask(west, "eastern")]);
  });

  test("answer their own while Redis is away, say of others why not, and go on by themselves", async () => {
    await redis.kill();
    try {
      await Promise.all([east, west].map(({ http }) => redisBecomes(http, "away")));
      assert.deepEqual(await readyModels(east), ["eastern"]);
      assert.deepEqual(await readyModels(west), ["picky", "western"]);
      await Promise.all([ask(east, "eastern"), ask(west, "western"), ask(west, "picky")]);
      const [code, name, details] = await refusal(east, "western");
      assert.deepEqual([code, name], ["UNAVAILABLE", "MODEL_NOT_READY"]);
      assert.match(details, /^model 'western' version '1' is not at ready state: Redis at \S+ cannot be reached/);
      assert.match((await refusal(east, "picky"))[2], /no weights/);
      assert.match((await refusal(east, "nowhere"))[2], /^model 'nowhere' is not known here: Redis at \S+ cannot be reached/);
      assert.equal((await fetch(`${east.http}/healthz`)).status, 200);
    } finally {
      await redis.start();
    }
    await Promise.all([east.health.says("western", "SERVING"), east.health.says("picky", "SERVING"), west.health.says("eastern", "SERVING")]);
    await Promise.all([ask(east, "western"), ask(east, "picky"), ask(west, "eastern")]);
  });

  test("feel no death of the other in their own, say honestly what is gone with it, and have it again with the next", async () => {
    const own = new Traffic(4, () => ask(east, "eastern"));
    await own.moreAnswers(20);
    west.process.kill("SIGKILL");
    await Promise.all([east.health.says("western", "NOT_SERVING"), east.health.says("picky", "NOT_SERVING")]);
    assert.deepEqual(await readyModels(east), ["eastern"]);
    assert.deepEqual(await refusal(east, "western"), [
      "UNAVAILABLE",
      "MODEL_NOT_READY",
      "model 'western' version '1' is not at ready state: no worker serves it: those that run node do not have it in their folder of models",
    ]);
    assert.match((await refusal(east, "picky"))[2], /^model 'picky' version '1' is not at ready state: .*no weights/s);
    west = await startWest();
    await Promise.all(["western", "picky"].map((model) => east.health.says(model, "SERVING")));
    await Promise.all([ask(east, "western"), ask(east, "picky")]);
    await own.stop();
    assert.deepEqual(own.failures.map(String), []);
  });
});

test("each of two processes on one port answers for another machine", { timeout: 60_000 }, async (t) => {
  const [group, other] = await Promise.all([
    startNode("group", new ModelsFolder().add("here", ECHO), ["--processes", "2"]),
    startNode("other", new ModelsFolder().add("there", ECHO)),
  ]);
  t.after(() => Promise.all([group.stop(), other.stop()]));
  await other.health.says("here", "SERVING");
  const clients = Array.from({ length: 4 }, () => new Client(group.address, { "grpc.use_local_subchannel_pool": 1 }));
  t.after(() => {
    for (const client of clients) client.close();
  });
  await group.health.says("there", "SERVING");
  await Promise.all([...clients.map((client) => ask({ client }, "there")), ask(other, "here")]);
});
