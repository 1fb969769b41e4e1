// A gateway and a worker that meet in Redis as others run it: with TLS and users of few rights, behind Sentinel, as a cluster; these with TLS and without.
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { status } from "@grpc/grpc-js";
import { Cluster } from "ioredis";
import { type Gateway, type Role, type SharedRedis, startGateway, startWorker, Traffic } from "../support/cluster.ts";
import { fixtureModels } from "../support/models.ts";
import { redisBecomes } from "../support/redis-health.ts";
import { makeTls, PASSWORD, PLAIN, startCluster, startSentinel, startTls, type Transport } from "../support/redis-topologies.ts";
import { assertSameTensor, tensor } from "../support/tensors.ts";

const MODELS = fixtureModels(["named", "keeps_state"], ["node"]).path;
/** The rights of docs/operations.md. */
const RIGHTS =
  "~idiom:* ~{idiom:batch}:* &idiom:* &{idiom:batch}:* -@all +@read +@write +@pubsub +@scripting +@connection +@transaction -@dangerous +info +time +cluster|slots";
const HANGS_MS = 10_000;
const CALLERS = 8;

let tls: Transport;
before(async () => {
  tls = await makeTls();
});
const TRANSPORTS: readonly (readonly [string, () => Transport])[] = [
  ["with TLS", () => tls],
  ["without TLS", () => PLAIN],
];

/** A gateway and a worker that meet there. */
class Pair {
  gateway!: Gateway;
  #worker!: Role;

  async start(redis: SharedRedis & { readonly env: NodeJS.ProcessEnv }): Promise<void> {
    [this.gateway, this.#worker] = await Promise.all([startGateway(redis, redis.env), startWorker(redis, MODELS, "node", redis.env)]);
    await this.gateway.says("named-node", "SERVING");
  }

  readonly ask = async (i: number): Promise<void> => {
    const inputs = [tensor("a", "INT32", [i, 2 * i], [1, 2]), tensor("b", "INT32", [i, -i], [1, 2])];
    const answer = await this.gateway.client.infer("named-node", inputs, { deadline: Date.now() + HANGS_MS });
    assertSameTensor(answer["sum"], tensor("sum", "INT32", [2 * i, i], [1, 2]));
  };

  readonly askOnce = async (): Promise<void> => {
    await this.gateway.client.infer("keeps_state-node", [tensor("x", "INT32", [0])], { deadline: Date.now() + HANGS_MS });
  };

  /** Neither has met with an error that it would tell of. */
  async stop(): Promise<void> {
    assert.deepEqual(await Promise.all([this.gateway.end("SIGTERM"), this.#worker.end("SIGTERM")]), [0, 0]);
  }
}

describe("with TLS, certificates on both sides, and a user that may do no more than it must", { timeout: 60_000 }, () => {
  let redis: Awaited<ReturnType<typeof startTls>>;
  const pair = new Pair();
  before(async () => {
    redis = await startTls(tls, [`idiom on >${PASSWORD} ${RIGHTS}`]);
  });
  after(() => redis.stop());

  test("calls are answered, and nothing was denied", async () => {
    const url = `rediss://idiom:${PASSWORD}@127.0.0.1:${redis.port}`;
    await pair.start({ url, client: redis.client, env: tls.env });
    await redisBecomes(pair.gateway.http, "ok");
    await Promise.all([...Array.from({ length: 40 }, (_, i) => pair.ask(i)), pair.askOnce()]);
    await pair.stop();
    assert.deepEqual(await redis.client.call("ACL", "LOG"), []);
  });

  test("an authority that nobody named is not trusted, and the health report says so", async () => {
    const gateway = await startGateway({ url: `rediss://idiom:${PASSWORD}@127.0.0.1:${redis.port}` });
    const { redis: report } = await redisBecomes(gateway.http, "refused");
    assert.match(report.detail, /TLS: .*certificate.*; see IDIOM_REDIS_CA/);
    assert.equal(await gateway.end("SIGTERM"), 0);
  });
});

for (const [how, transport] of TRANSPORTS) {
  describe(`behind Sentinel, with passwords, ${how}`, { timeout: 60_000 }, () => {
    let redis: Awaited<ReturnType<typeof startSentinel>>;
    const pair = new Pair();
    before(async () => {
      redis = await startSentinel(transport());
      await pair.start(redis);
    });
    // Also after a failure: the servers would keep this process.
    after(() => pair.stop().finally(() => redis.stop()));

    test("a failover costs each call at most one error, and nobody has to restart anything", async () => {
      const traffic = new Traffic(CALLERS, pair.ask);
      await traffic.moreAnswers(100);
      await redis.killPrimary();
      await traffic.moreAnswers(300);
      await traffic.stop();
      for (const failure of traffic.failures) assert.ok(["UNAVAILABLE", "DEADLINE_EXCEEDED"].includes(status[failure.code] ?? ""), String(failure));
      await redisBecomes(pair.gateway.http, "ok");
      await Promise.all(Array.from({ length: 20 }, (_, i) => pair.ask(i)));
    });
  });
}

for (const [how, transport] of TRANSPORTS) {
  describe(`as a cluster, with a password, ${how}`, { timeout: 60_000 }, () => {
    let redis: Awaited<ReturnType<typeof startCluster>>;
    const pair = new Pair();
    before(async () => {
      redis = await startCluster(transport());
      await pair.start(redis);
    });
    // Also after a failure: the servers would keep this process.
    after(() => pair.stop().finally(() => redis.stop()));

    test("calls are answered, through keys on several servers", async () => {
      const traffics = [new Traffic(CALLERS, pair.ask), new Traffic(1, pair.askOnce)];
      await Promise.all(traffics.map((traffic) => traffic.moreAnswers(100)));
      await Promise.all(traffics.map((traffic) => traffic.stop()));
      assert.deepEqual(traffics.flatMap((traffic) => traffic.failures).map(String), []);
      const servers = (redis.client as Cluster).nodes("master");
      const keys = await Promise.all(servers.map((server) => server.keys("idiom:*")));
      assert.ok(keys.filter((names) => names.length > 0).length > 1, `keys by server: ${keys.map((names) => names.length)}`);
      assert.ok(redis.client instanceof Cluster);
    });

    test("cancelled calls are announced on every server", async () => {
      const servers = (redis.client as Cluster).nodes("master");
      const counts = await Promise.all(servers.map(async (server) => Number((await server.pubsub("NUMSUB", "idiom:cancelled"))[1])));
      assert.ok(counts.reduce((sum, count) => sum + count, 0) >= 1, `subscribers: ${counts}`);
    });
  });
}
