// Workers are restarted one after the other and the models folder changes, again and again under traffic: nobody sees an error.
import assert from "node:assert/strict";
import { test } from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import { FULL } from "../support/chaos.ts";
import { type Gateway, startGateway, startWorker, Traffic } from "../support/cluster.ts";
import { ModelsFolder } from "../support/models.ts";
import { RedisServer } from "../support/redis.ts";
import { tensor } from "../support/tensors.ts";

const [ROUNDS, CALLS, ROUND_MS] = FULL ? [20, 200_000, 12_000] : [2, 1000, 60_000];
/** Of each gateway. */
const CALLERS = 8;
const LOOK_AGAIN_MS = 20;
const RELOAD = { IDIOM_RELOAD_INTERVAL: "100ms" };
const YAML = "inputs: [{name: x, datatype: INT32, shape: [-1]}]\noutputs: [{name: y, datatype: INT32, shape: [-1]}]\nbatching: {max_size: 8}\n";

/** A model that answers `number` for each element. */
function answering(number: number): Readonly<Record<string, string>> {
  return { "model.yaml": YAML, "model.mjs": `export default ({ x }) => ({ y: x.data.fill(${number}) });\n` };
}

async function ask({ client }: Gateway): Promise<number> {
  const answer = await client.infer("changing", [tensor("x", "INT32", [-1])]);
  return answer["y"]?.data.readInt32LE() ?? Number.NaN;
}

/** Callers of one gateway. Once one of them has been answered by a change, nobody is answered by what was there before it. */
class Callers {
  readonly #gateway: Gateway;
  readonly traffic: Traffic;
  newest = 0;

  constructor(gateway: Gateway) {
    this.#gateway = gateway;
    this.traffic = new Traffic(CALLERS, async () => {
      const oldest = this.newest;
      const answer = await ask(this.#gateway);
      assert.ok(answer >= oldest, `${answer} was answered after ${oldest}`);
      this.newest = Math.max(this.newest, answer);
    });
  }

  async seen(number: number): Promise<void> {
    while (this.newest < number) {
      await delay(LOOK_AGAIN_MS);
      await this.traffic.moreAnswers(1);
    }
  }
}

test(`${ROUNDS} restarts of workers and ${ROUNDS} changes of the models folder fail no call`, { timeout: ROUNDS * ROUND_MS }, async (t) => {
  const redis = new RedisServer();
  const models = new ModelsFolder().add("changing", answering(0));
  const worker = (): ReturnType<typeof startWorker> => startWorker(redis, models.path, "node", RELOAD);
  await redis.start();
  const gateways = await Promise.all([startGateway(redis), startGateway(redis)]);
  const workers = await Promise.all([worker(), worker()]);
  t.after(async () => {
    await Promise.all([...gateways, ...workers].map((role) => role.end("SIGKILL")));
    await redis.stop();
  });
  await Promise.all(gateways.map((gateway) => gateway.says("changing", "SERVING")));

  const callers = gateways.map((gateway) => new Callers(gateway));
  for (let round = 1; round <= ROUNDS; round++) {
    models.add("changing", answering(round));
    await Promise.all(callers.map((each) => each.seen(round)));
    const oldest = workers.shift();
    assert.equal(await oldest?.end("SIGTERM"), 0, oldest?.log.text);
    workers.push(await worker());
  }
  await Promise.all(callers.map(({ traffic }) => traffic.moreAnswers(Math.max(CALLERS, CALLS / callers.length - traffic.answered))));
  await Promise.all(callers.map(({ traffic }) => traffic.stop()));
  assert.deepEqual(callers.flatMap(({ traffic }) => traffic.failures).map(String), []);
  t.diagnostic(
    `${callers.reduce((sum, { traffic }) => sum + traffic.answered, 0)} calls, slowest ${Math.round(Math.max(...callers.map(({ traffic }) => traffic.slowestMs)))} ms`,
  );
});
