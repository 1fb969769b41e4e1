// The Redis that Idiom starts itself: what it holds outlives kills, and one process alone has it.
import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { chmodSync } from "node:fs";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { connect, type RedisConnection, serverAt } from "../../src/redis/connection.ts";
import { runCli } from "../support/cli.ts";
import { temporaryFolder } from "../support/folders.ts";
import { Lines } from "../support/lines.ts";
import { fixtureModels } from "../support/models.ts";
import { cleanEnvironment, startServer } from "../support/server.ts";
import { tensor } from "../support/tensors.ts";

const HOST = join(import.meta.dirname, "..", "support", "redis-host.ts");

interface Host {
  readonly process: ChildProcess;
  readonly redis: RedisConnection;
}

/** A process that starts a durable Redis in this state folder, and a connection to it. */
async function startHost(t: TestContext, state: string): Promise<Host> {
  const host = spawn(process.execPath, [HOST], { env: cleanEnvironment({ IDIOM_STATE: state }), stdio: ["ignore", "pipe", "inherit"] });
  t.after(() => host.kill("SIGKILL"));
  const url = await new Lines(host.stdout).first((line) => line);
  const redis = connect(serverAt(url), "blocking");
  t.after(() => redis.disconnect());
  return { process: host, redis };
}

async function end(host: ChildProcess): Promise<void> {
  const exited = once(host, "exit");
  host.kill("SIGKILL");
  await exited;
}

test("what it holds is there after its host was killed, and the next one has it at once", async (t) => {
  const state = temporaryFolder(t);
  let { process: host, redis } = await startHost(t, state);
  for (let life = 1; life <= 3; life++) {
    assert.equal(await redis.incr("lives"), life);
    redis.disconnect();
    await end(host);
    ({ process: host, redis } = await startHost(t, state));
  }
  assert.equal(await redis.get("lives"), "3");
});

test("it is started again when it is killed itself, with what it held", async (t) => {
  const { redis } = await startHost(t, temporaryFolder(t));
  await redis.set("kept", "yes");
  const pid = Number(/process_id:(\d+)/.exec(await redis.info("server"))?.[1]);
  const reconnected = new Promise((resolve) => redis.once("ready", resolve));
  process.kill(pid, "SIGKILL");
  await reconnected;
  assert.equal(await redis.get("kept"), "yes");
  assert.notEqual(Number(/process_id:(\d+)/.exec(await redis.info("server"))?.[1]), pid);
});

test("a second process on the same state folder stops with who has it and the ways out", async (t) => {
  const state = temporaryFolder(t);
  const { process: host } = await startHost(t, state);
  const { code, stderr } = await runCli(["up", "--grpc-port", "0", "--http-port", "0"], { env: { IDIOM_STATE: state } });
  assert.equal(code, 2, stderr);
  assert.match(stderr, new RegExp(`${state}/redis is in use by process ${host.pid}; .*IDIOM_STATE.*IDIOM_REDIS_URL`));
});

test("without a Redis that it could start, `up` answers calls and says what is missing", async (t) => {
  const tools = temporaryFolder(t, { "valkey-server": "#!/bin/sh\necho 'Redis server v=5.0.14'\n" });
  chmodSync(join(tools, "valkey-server"), 0o755);
  const server = await startServer({ models: fixtureModels(["keeps_state"], ["node"]).path, env: { PATH: `${tools}:${process.env["PATH"]}` } });
  t.after(() => server.stop());
  const missing = /no jobs can be run: .*valkey-server is version 5\.0\.14, and Idiom needs 7 or newer; run: npm run setup/;
  await server.logged((entry) => missing.test(entry.msg));
  await server.client.infer("keeps_state-node", [tensor("x", "INT32", [0])]);
  const { code, stdout } = await runCli(["status", "--server", server.address]);
  assert.equal(code, 1);
  assert.match(stdout, missing);
});
