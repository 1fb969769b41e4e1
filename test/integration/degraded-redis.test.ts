// What becomes of calls while Redis is away, slow, full, read-only, refuses the password or forgets; what is said of it; and that all
// recovers by itself. A gateway and a worker need Redis; `up` does not for its own models.
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { status } from "@grpc/grpc-js";
import { runCli } from "../support/cli.ts";
import { errorCode, failureOf } from "../support/client.ts";
import { type Gateway, type Role, startGateway, startWorker } from "../support/cluster.ts";
import { ModelsFolder } from "../support/models.ts";
import { PASSWORD, RedisServer } from "../support/redis.ts";
import { redisBecomes } from "../support/redis-health.ts";
import { RedisProxy } from "../support/redis-proxy.ts";
import { type Server, startServer } from "../support/server.ts";
import { assertSameTensor, tensor } from "../support/tensors.ts";

const REMOTE = "remote";
const OWN = "own";
const HANGS_MS = 10_000;

describe("Redis", { timeout: 120_000 }, () => {
  const redis = new RedisServer();
  let proxy: RedisProxy;
  let gateway: Gateway;
  let worker: Role;
  let up: Server;

  before(async () => {
    await redis.start();
    proxy = await RedisProxy.open(redis.socket);
    const url = `redis://:${encodeURIComponent(PASSWORD)}@127.0.0.1:${proxy.port}`;
    [gateway, worker, up] = await Promise.all([
      startGateway({ url }),
      startWorker({ url, client: redis.client }, new ModelsFolder().addFixture("named", "node", REMOTE).path, "node"),
      startServer({ models: new ModelsFolder().addFixture("named", "node", OWN).path, env: { IDIOM_REDIS_URL: url } }),
    ]);
    await Promise.all([REMOTE, OWN].map((model) => gateway.says(model, "SERVING")));
    await everywhere("ok");
  });
  after(async () => {
    await Promise.all([gateway.end("SIGKILL"), worker.end("SIGKILL"), up.stop()]);
    proxy.close();
    await redis.stop();
  });

  let calls = 0;
  const ask = async (through: Pick<Gateway, "client">, model: string): Promise<void> => {
    const i = ++calls;
    const inputs = [tensor("a", "INT32", [i, 2 * i], [1, 2]), tensor("b", "INT32", [i, -i], [1, 2])];
    const answer = await through.client.infer(model, inputs, { deadline: Date.now() + HANGS_MS });
    assertSameTensor(answer["sum"], tensor("sum", "INT32", [2 * i, i], [1, 2]));
  };

  /** Resolves with what the gateway says once all three are in this state. */
  const everywhere = async (state: string) => (await Promise.all([gateway.http, worker.http, up.http].map((http) => redisBecomes(http, state))))[0];

  /** It is said what is wrong, calls that need Redis are refused with it, others are answered. */
  const isUnusable = async (state: string, detail: RegExp, details = detail): Promise<void> => {
    const report = await everywhere(state);
    assert.deepEqual([report?.code, report?.status], [503, "unavailable"]);
    assert.match(report?.redis.detail ?? "", detail);
    assert.equal((await redisBecomes(up.http, state)).code, 200);
    await ask(up, OWN);
    const error = await failureOf(ask(gateway, REMOTE));
    assert.equal(status[error.code], "UNAVAILABLE", String(error));
    assert.match(error.details, details);
    assert.ok(["MODEL_NOT_READY", "QUEUE_FULL"].includes(errorCode(error) ?? ""), String(error));
  };

  const isWellAgain = async (): Promise<void> => {
    await Promise.all([REMOTE, OWN].map((model) => gateway.says(model, "SERVING")));
    assert.equal((await everywhere("ok"))?.code, 200);
    await Promise.all([ask(gateway, REMOTE), ask(gateway, OWN), ask(up, OWN)]);
  };

  /** Checks what is so while Redis is disturbed, and that all recovers afterwards. */
  const during = async (disturb: () => unknown, check: () => Promise<unknown>, mend: () => unknown): Promise<void> => {
    await disturb();
    try {
      await check();
    } finally {
      await mend();
    }
    await isWellAgain();
  };

  test("that was killed is away, and is used again when it is back", async () => {
    const since = gateway.log.text.length;
    await during(
      () => redis.kill(),
      async () => {
        await isUnusable("away", /Redis at redis:\/\/127\.0\.0\.1:\d+ cannot be reached: .*; look whether it runs/);
        const { stdout } = await runCli(["status", "--server", up.address]);
        assert.match(stdout, /takes calls .*\n(?:! .*\n)*! node '\S+': Redis at \S+ cannot be reached/);
        const states = await Promise.all(["away", "ok"].map((state) => up.metric("idiom_redis_state", { use: "realtime", state })));
        assert.deepEqual(states, [1, 0]);
      },
      () => redis.start(),
    );
    const lines = gateway.log.text.slice(since).match(/Redis.*? -> \w+/g);
    assert.deepEqual(
      lines?.map((line) => line.replace(/ at \S+:/, ":")),
      ["Redis: ok -> away", "Redis: away -> ok"],
      "a line for each change, none for each try",
    );
  });

  test("that nothing comes back from is away", () =>
    during(
      () => proxy.hold(),
      () => isUnusable("away", /no answer within 2000 ms/, /Redis/),
      () => proxy.release(),
    ));

  test("that takes 100 ms to answer is slow, and calls are answered", () =>
    during(
      () => {
        proxy.latencyMs = 100;
      },
      async () => {
        const report = await everywhere("slow");
        assert.equal(report?.code, 200);
        assert.match(report?.redis.detail ?? "", /takes \d+ ms to answer/);
        await Promise.all([ask(gateway, REMOTE), ask(gateway, OWN), ask(up, OWN)]);
      },
      () => {
        proxy.latencyMs = 0;
      },
    ));

  test("that has reached maxmemory says so, and takes calls again when there is room", () =>
    during(
      () => redis.client.config("SET", "maxmemory", "1mb"),
      () => isUnusable("out-of-memory", /has reached its maxmemory of 1\.00M/, /maxmemory/),
      () => redis.client.config("SET", "maxmemory", "0"),
    ));

  test("that has become a replica says so, and takes calls again as a primary", () =>
    during(
      () => redis.client.replicaof("127.0.0.1", 1),
      () => isUnusable("read-only", /is a replica and takes no writes; name the primary/, /replica|Redis is away/),
      () => redis.client.replicaof("NO", "ONE"),
    ));

  test("that has another password now says so, and takes calls again with the old one", () =>
    during(
      async () => {
        await redis.client.config("SET", "requirepass", "another");
        await redis.client.call("CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes");
      },
      () => isUnusable("refused", /refuses us: WRONGPASS .*; correct the user and password/, /WRONGPASS|Redis is away/),
      () => redis.client.config("SET", "requirepass", PASSWORD),
    ));

  test("that has taken the right to write says so, and takes calls again with it", () =>
    during(
      () => redis.client.call("ACL", "SETUSER", "default", "-set"),
      () => isUnusable("refused", /refuses us: NOPERM .*\bset\b/, /NOPERM|no worker|Redis/),
      () => redis.client.call("ACL", "SETUSER", "default", "+set"),
    ));

  test("that is too old says so", () =>
    during(
      () => {
        proxy.rewrite = (answer) => Buffer.from(answer.toString("latin1").replace(/redis_version:7\.\d+\.\d\d/, "redis_version:6.2.14"), "latin1");
      },
      async () => {
        const report = await everywhere("too-old");
        assert.match(report?.redis.detail ?? "", /is version 6\.2\.14; Idiom needs Redis or Valkey 7 or newer/);
      },
      () => {
        proxy.rewrite = (answer) => answer;
      },
    ));

  test("that forgets everything is well, and the gateway says what it has done", async () => {
    const since = gateway.log.count;
    await redis.client.flushall();
    await gateway.log.first((line) => /Redis has lost what it held/.exec(line), since);
    await isWellAgain();
  });

  test("may come after the gateway, which waits for it", async (t) => {
    await redis.kill();
    const early = await startGateway({ url: redis.url });
    t.after(() => early.end("SIGKILL"));
    assert.deepEqual([(await redisBecomes(early.http, "away")).status, await early.says("", "NOT_SERVING")], ["unavailable", undefined]);
    const error = await failureOf(ask(early, REMOTE));
    assert.equal(status[error.code], "UNAVAILABLE", String(error));
    assert.match(error.details, /^model 'remote' is not known here: Redis at unix:\/\/.* cannot be reached/);
    await redis.start();
    await redisBecomes(early.http, "ok");
    await Promise.all([early.says("", "SERVING"), early.says(REMOTE, "SERVING")]);
    await ask(early, REMOTE);
    await isWellAgain();
  });
});
