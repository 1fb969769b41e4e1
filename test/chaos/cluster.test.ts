// Workers, gateways and Redis are killed under load at random moments, IDIOM_CHAOS_ROUNDS times each: no call hangs or gets a wrong
// answer, none that must not run twice does, and nothing stays in Redis.
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import { status } from "@grpc/grpc-js";
import { assertExplicit, FULL, RunRecord, rounds } from "../support/chaos.ts";
import type { Client } from "../support/client.ts";
import { type Gateway, type Role, startGateway, startWorker, Traffic } from "../support/cluster.ts";
import { activeLanguages, type Language } from "../support/languages.ts";
import { fixtureModels, fixtureName } from "../support/models.ts";
import { RedisServer } from "../support/redis.ts";
import { assertSameTensor, tensor } from "../support/tensors.ts";

const ROUNDS = rounds(3);
const ROUND_MS = 60_000;
const CALLERS = 4;
/** Longer than any call may take here: what lasts so long hangs. */
const HANGS_MS = 10_000;
/** Between a worker's death and the answer of another one: the rest of a lease of 2 s, a look of the gateway, and the second run. */
const MOVED_WITHIN_MS = FULL ? 3000 : HANGS_MS;
/** How long a client may need to see that its gateway is gone. */
const NOTICED_WITHIN_MS = FULL ? 1000 : HANGS_MS;
/** A strike comes at a random moment of this time. */
const MOMENTS_MS = 400;
const EXPIRES_MS = 60_000;

const moment = (): Promise<void> => delay(Math.random() * MOMENTS_MS);
const sum = (numbers: readonly number[]): number => numbers.reduce((total, each) => total + each, 0);

/** Gateways, workers and a Redis of their own, with two models a language: one that may run a call again, one that must not. */
class Cluster {
  readonly redis = new RedisServer();
  readonly #record: RunRecord;
  readonly languages: readonly Language[];
  readonly models: string;
  readonly gateways: Gateway[] = [];
  readonly workers: Role[] = [];
  /** Calls that must not run twice, and were answered. */
  readonly answeredOnce: number[] = [];
  #number = 0;

  constructor(languages: readonly Language[]) {
    this.languages = activeLanguages().filter((language) => languages.includes(language));
    const folder = fixtureModels(["named"], this.languages);
    this.#record = new RunRecord(folder.path);
    for (const language of this.languages) folder.add(fixtureName("once", language), this.#record.model(language));
    this.models = folder.path;
  }

  async start(gateways: number, workers: number): Promise<void> {
    await this.redis.start();
    await Promise.all([...Array.from({ length: gateways }, () => this.addGateway()), ...Array.from({ length: workers }, () => this.addWorker())]);
    await Promise.all(this.gateways.map((gateway) => this.serves(gateway)));
  }

  async addGateway(): Promise<Gateway> {
    const gateway = await startGateway(this.redis);
    this.gateways.push(gateway);
    return gateway;
  }

  async addWorker(): Promise<void> {
    // The models write down their runs where a sandbox would not let them.
    this.workers.push(await startWorker(this.redis, this.models, this.languages, { IDIOM_SANDBOX: "off" }));
  }

  async serves(gateway: Gateway): Promise<void> {
    await Promise.all(
      this.languages.flatMap((language) => [fixtureName("named", language), fixtureName("once", language)].map((model) => gateway.says(model, "SERVING"))),
    );
  }

  /** Callers of every model, which hold each answer against what is right. */
  traffic({ client }: Gateway): { readonly repeatable: Traffic[]; readonly once: Traffic[] } {
    return {
      repeatable: this.languages.map((language) => new Traffic(CALLERS, () => this.#add(client, fixtureName("named", language)))),
      once: this.languages.map((language) => new Traffic(CALLERS, () => this.#runOnce(client, fixtureName("once", language)))),
    };
  }

  async #add(client: Client, model: string): Promise<void> {
    const i = ++this.#number;
    const inputs = [tensor("a", "INT32", [i, 2 * i], [1, 2]), tensor("b", "INT32", [i, -i], [1, 2])];
    const answer = await client.infer(model, inputs, { deadline: Date.now() + HANGS_MS });
    assertSameTensor(answer["sum"], tensor("sum", "INT32", [2 * i, i], [1, 2]));
    assertSameTensor(answer["difference"], tensor("difference", "INT32", [0, 3 * i], [1, 2]));
  }

  async #runOnce(client: Client, model: string): Promise<void> {
    const i = ++this.#number;
    const answer = await client.infer(model, [tensor("x", "INT32", [i])], { deadline: Date.now() + HANGS_MS });
    assertSameTensor(answer["y"], tensor("y", "INT32", [i]));
    this.answeredOnce.push(i);
  }

  /** What was answered has run once, and nothing has run twice. */
  assertRanAtMostOnce(): void {
    const runs = this.#record.runs();
    assert.deepEqual(
      [...runs].filter(([, times]) => times > 1),
      [],
    );
    assert.deepEqual(
      this.answeredOnce.filter((number) => runs.get(number) !== 1),
      [],
    );
  }

  /** Ends every member as a power failure would; what they leave behind has an end. */
  async assertLeavesNothing(): Promise<void> {
    await Promise.all([...this.gateways, ...this.workers].map((role) => role.end("SIGKILL")));
    const ofCalls = [...(await this.redis.keys())].filter(([name]) => !name.startsWith("{idiom:batch}"));
    for (const [name, ms] of ofCalls) assert.ok(ms >= 0 && ms <= EXPIRES_MS, `${name} has ${ms} ms left`);
  }

  async stop(): Promise<void> {
    await Promise.all([...this.gateways, ...this.workers].map((role) => role.end("SIGKILL")));
    await this.redis.stop();
  }
}

/** A random one, taken out. */
function takeOne<T>(all: T[]): T {
  return all.splice(Math.floor(Math.random() * all.length), 1)[0] as T;
}

describe(`killed ${ROUNDS} times`, () => {
  test("a worker: what it had claimed is answered by another, or has one error where it must not run again", { timeout: ROUNDS * ROUND_MS }, async (t) => {
    const cluster = new Cluster(["python", "r", "java", "node"]);
    t.after(() => cluster.stop());
    await cluster.start(1, 2);
    const gateway = cluster.gateways[0] as Gateway;
    const { repeatable, once } = cluster.traffic(gateway);
    const all = [...repeatable, ...once];
    for (let round = 0; round < ROUNDS; round++) {
      await moment();
      await takeOne(cluster.workers).end("SIGKILL");
      await cluster.addWorker();
      await Promise.all(all.map((traffic) => traffic.moreAnswers(CALLERS)));
    }
    await Promise.all(all.map((traffic) => traffic.stop()));
    // Where too much else runs, the other worker may be late with its lease: then there is none for a moment, and calls are told so.
    if (FULL) assert.deepEqual(repeatable.flatMap(({ failures }) => failures).map(String), []);
    assertExplicit(all.flatMap(({ failures }) => failures));
    cluster.assertRanAtMostOnce();
    const ended = sum(all.map((traffic) => traffic.answered + traffic.failures.length));
    assert.equal(await gateway.metric("idiom_requests_total", {}), ended, "every call was answered once");
    const slowestMs = Math.max(...repeatable.map((traffic) => traffic.slowestMs));
    assert.ok(slowestMs < MOVED_WITHIN_MS, `a call took ${Math.round(slowestMs)} ms`);
    await cluster.assertLeavesNothing();
    t.diagnostic(
      `${ended} calls, ${sum(once.map(({ failures }) => failures.length))} errors of calls that must not run again, slowest ${Math.round(slowestMs)} ms`,
    );
  });

  test("a gateway: its callers see it at once, others see nothing", { timeout: ROUNDS * ROUND_MS }, async (t) => {
    const cluster = new Cluster(["python", "node"]);
    t.after(() => cluster.stop());
    await cluster.start(1, 1);
    const witness = Object.values(cluster.traffic(cluster.gateways[0] as Gateway)).flat();
    let calls = 0;
    for (let round = 0; round < ROUNDS; round++) {
      const gateway = await cluster.addGateway();
      await cluster.serves(gateway);
      const callers = Object.values(cluster.traffic(gateway)).flat();
      await Promise.all(callers.map((traffic) => traffic.moreAnswers(CALLERS)));
      await moment();
      assert.deepEqual(callers.flatMap(({ failures }) => failures).map(String), []);
      const killed = gateway.end("SIGKILL");
      const killedAt = performance.now();
      await Promise.all(callers.map((traffic) => traffic.stop()));
      const noticedMs = performance.now() - killedAt;
      await killed;
      cluster.gateways.pop();
      for (const failure of callers.flatMap(({ failures }) => failures)) assert.equal(status[failure.code], "UNAVAILABLE", String(failure));
      assert.ok(noticedMs < NOTICED_WITHIN_MS, `the last caller heard of it after ${Math.round(noticedMs)} ms`);
      calls += sum(callers.map(({ answered }) => answered));
    }
    await Promise.all(witness.map((traffic) => traffic.stop()));
    assert.deepEqual(witness.flatMap(({ failures }) => failures).map(String), []);
    cluster.assertRanAtMostOnce();
    await cluster.assertLeavesNothing();
    t.diagnostic(`${calls} calls to killed gateways, ${sum(witness.map(({ answered }) => answered))} to the other`);
  });

  test("Redis: each call has its answer or one error, and everything recovers by itself", { timeout: ROUNDS * ROUND_MS }, async (t) => {
    const cluster = new Cluster(["python", "node"]);
    t.after(() => cluster.stop());
    await cluster.start(1, 2);
    const gateway = cluster.gateways[0] as Gateway;
    const all = Object.values(cluster.traffic(gateway)).flat();
    for (let round = 0; round < ROUNDS; round++) {
      await moment();
      await cluster.redis.kill();
      await moment();
      await cluster.redis.start();
      await cluster.redis.joined(1, 2);
      await Promise.all(all.map((traffic) => traffic.moreAnswers(CALLERS)));
    }
    await Promise.all(all.map((traffic) => traffic.stop()));
    const failures = all.flatMap((traffic) => traffic.failures);
    assertExplicit(failures);
    cluster.assertRanAtMostOnce();
    const ended = sum(all.map((traffic) => traffic.answered)) + failures.length;
    assert.equal(await gateway.metric("idiom_requests_total", {}), ended, "every call was answered once");
    await cluster.assertLeavesNothing();
    t.diagnostic(`${ended} calls, ${failures.length} errors, slowest ${Math.round(Math.max(...all.map((traffic) => traffic.slowestMs)))} ms`);
  });
});
