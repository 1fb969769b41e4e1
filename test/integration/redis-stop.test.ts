// Whatever has become of Redis, each role stops when it is told to, also with a job under way: what it cannot tell the others ends by itself.
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { type Gateway, type Role, startGateway, startWorker } from "../support/cluster.ts";
import { processFolder } from "../support/folders.ts";
import { Jobs } from "../support/jobs.ts";
import { ModelsFolder } from "../support/models.ts";
import { PASSWORD, RedisServer } from "../support/redis.ts";
import { redisBecomes } from "../support/redis-health.ts";
import { RedisProxy } from "../support/redis-proxy.ts";
import { type Server, startServer } from "../support/server.ts";

/** It takes one or two seconds; a machine that does other things takes longer, and what waits for Redis takes for ever. */
const STOPS_MS = 10_000;

/** Takes 20 ms for a row. */
const MODEL = {
  "model.mjs": "export default async ({ x }) => {\n  await new Promise((resolve) => setTimeout(resolve, 20));\n  return { y: x };\n};\n",
  "model.yaml": "per: row\nbatching: {max_size: 4}\ninputs: [{name: x, datatype: INT32, shape: [-1]}]\noutputs: [{name: y, datatype: INT32, shape: [-1]}]\n",
};
const ROWS = `x\n${"1\n".repeat(5000)}`;

interface Roles {
  readonly redis: RedisServer;
  readonly proxy: RedisProxy;
  readonly gateway: Gateway;
  readonly worker: Role;
  readonly up: Server;
}

const DISTURBANCES: Readonly<Record<string, readonly [becomes: string, disturb: (roles: Roles) => unknown]>> = {
  "has been killed": ["away", ({ redis }) => redis.kill()],
  "answers nothing": ["away", ({ proxy }) => proxy.hold()],
  "refuses the password": [
    "refused",
    async ({ redis: { client } }) => {
      await client.config("SET", "requirepass", "another");
      await client.call("CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes");
    },
  ],
};

describe("while Redis", { timeout: 120_000, concurrency: true }, () => {
  for (const [what, [becomes, disturb]] of Object.entries(DISTURBANCES)) {
    test(`${what}, a gateway, a worker and a server with models of its own stop in order`, async (t) => {
      const redis = new RedisServer(true);
      await redis.start();
      const proxy = await RedisProxy.open(redis.socket);
      t.after(async () => {
        proxy.close();
        await redis.stop();
      });
      const state = processFolder();
      const url = `redis://:${encodeURIComponent(PASSWORD)}@127.0.0.1:${proxy.port}`;
      const [gateway, worker, up] = await Promise.all([
        startGateway({ url }, { IDIOM_STATE: state }),
        startWorker({ url, client: redis.client }, new ModelsFolder().add("remote", MODEL).path, "node"),
        startServer({ models: new ModelsFolder().add("own", MODEL).path, env: { IDIOM_REDIS_URL: url, IDIOM_STATE: state } }),
      ]);
      t.after(() => Promise.all([gateway.end("SIGKILL"), worker.end("SIGKILL"), up.stop()]));
      await gateway.says("remote", "SERVING");
      const jobs = new Jobs(up.address);
      t.after(() => jobs.client.close());
      const submitted = await jobs.submit("own", "in.csv", ROWS);
      await jobs.until(submitted.id, ({ doneRows }) => doneRows > 0);

      await disturb({ redis, proxy, gateway, worker, up });
      await Promise.all([gateway.http, worker.http, up.http].map((http) => redisBecomes(http, becomes)));
      const since = performance.now();
      assert.deepEqual(await Promise.all([gateway.end("SIGTERM"), worker.end("SIGTERM"), up.stop()]), [0, 0, 0]);
      const tookMs = performance.now() - since;
      assert.ok(tookMs < STOPS_MS, `it took ${Math.round(tookMs)} ms`);
    });
  }
});
