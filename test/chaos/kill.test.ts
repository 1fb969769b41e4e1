// Instances are killed under load, again and again: no call hangs, none gets a wrong answer, none gets two, and what may run again
// does so without its caller noticing.
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import type { ServiceError } from "@grpc/grpc-js";
import { errorCode } from "../support/client.ts";
import { type InProcess, startInProcess } from "../support/in-process.ts";
import { LANE_SETTINGS } from "../support/lane.ts";
import { activeLanguages } from "../support/languages.ts";
import { fixtureModels, fixtureName } from "../support/models.ts";
import { assertSameTensor, tensor } from "../support/tensors.ts";

/** Per language; over the four of them a hundred. */
const KILLS = { idempotent: 20, stateful: 5 };
const CALLERS = 16;
const WHOLE_AGAIN_MS = 1000;

describe("killed instances", () => {
  const languages = activeLanguages();
  let node: InProcess;
  before(
    async () => {
      node = await startInProcess(fixtureModels(["named", "keeps_state"], languages).path, LANE_SETTINGS);
      await node.up.settled();
    },
    { timeout: 60_000 },
  );
  after(() => node.stop());

  for (const language of languages) {
    test(`${language}: calls that may run again are all answered right, and the version is whole again within a second`, { timeout: 60_000 }, async () => {
      const model = fixtureName("named", language);
      const load = new Load(model, async (i) => {
        const answer = await node.client.infer(model, [tensor("a", "INT32", [i, 2 * i], [1, 2]), tensor("b", "INT32", [i, -i], [1, 2])]);
        assertSameTensor(answer["sum"], tensor("sum", "INT32", [2 * i, i], [1, 2]));
        assertSameTensor(answer["difference"], tensor("difference", "INT32", [0, 3 * i], [1, 2]));
      });
      await load.during(() => killRepeatedly(node, load, KILLS.idempotent));
      assert.deepEqual(load.failures.map(String), []);
      assert.ok((await node.metric("idiom_merged_requests_sum", { model })) > load.calls, "calls of killed frames ran again");
      await assertAnsweredOnceEach(node, load);
    });

    test(`${language}: a call that must not run again gets one error, and only the call that ran`, { timeout: 60_000 }, async () => {
      const model = fixtureName("keeps_state", language);
      const load = new Load(model, async () => {
        const answer = await node.client.infer(model, [tensor("x", "INT32", [0])]);
        assert.ok((answer["count"]?.data.readBigInt64LE() ?? 0n) > 0n);
      });
      await load.during(() => killRepeatedly(node, load, KILLS.stateful));
      for (const failure of load.failures) {
        assert.equal(errorCode(failure), "INSTANCE_DIED", String(failure));
        assert.match(failure.details, /died while it ran this request: the process was ended by SIGKILL; it was not run again/);
      }
      assert.ok(
        load.failures.length <= KILLS.stateful,
        `${load.failures.length} calls failed at ${KILLS.stateful} kills of an instance that runs one at a time`,
      );
      await assertAnsweredOnceEach(node, load);
    });
  }
});

/** Callers that each wait for their answer before they call again. */
class Load {
  readonly model: string;
  readonly #call: (i: number) => Promise<void>;
  readonly failures: ServiceError[] = [];
  calls = 0;
  #ending = false;
  #answers = 0;
  #awaited: { readonly answers: number; readonly resolve: () => void } | null = null;

  constructor(model: string, call: (i: number) => Promise<void>) {
    this.model = model;
    this.#call = call;
  }

  /** Keeps the callers calling while `act` runs, and resolves when the last call has ended. */
  async during(act: () => Promise<void>): Promise<void> {
    const callers = Array.from({ length: CALLERS }, () => this.#keepCalling());
    await act().finally(() => {
      this.#ending = true;
    });
    await Promise.all(callers);
  }

  /** Resolves after so many more answers. */
  answers(count: number): Promise<void> {
    return new Promise((resolve) => {
      this.#awaited = { answers: this.#answers + count, resolve };
    });
  }

  async #keepCalling(): Promise<void> {
    while (!this.#ending) {
      try {
        await this.#call(++this.calls);
        this.#answers++;
        if (this.#awaited !== null && this.#answers >= this.#awaited.answers) this.#awaited.resolve();
      } catch (error) {
        if ((error as ServiceError).metadata === undefined) throw error;
        this.failures.push(error as ServiceError);
      }
    }
  }
}

/** Kills the only instance after some answers, waits until the version is ready again, and so on. */
async function killRepeatedly(node: InProcess, load: Load, kills: number): Promise<void> {
  const [instance] = node.up.node.instancesOf(`${load.model}/1`);
  assert.ok(instance !== undefined);
  for (let kill = 0; kill < kills; kill++) {
    await load.answers(1 + Math.floor(Math.random() * 100));
    const { generation, pid } = instance;
    const whole = node.statusChange(({ name, status }) => name === load.model && status.state === "ready" && instance.generation > generation);
    const killedAt = performance.now();
    process.kill(pid as number, "SIGKILL");
    await whole;
    const tookMs = performance.now() - killedAt;
    assert.ok(tookMs <= WHOLE_AGAIN_MS, `ready again ${Math.round(tookMs)} ms after kill ${kill + 1}`);
  }
}

/** The server counts each answer that it gives; a call answered twice would count twice. */
async function assertAnsweredOnceEach(node: InProcess, load: Load): Promise<void> {
  assert.equal(await node.metric("idiom_requests_total", { model: load.model }), load.calls);
  assert.equal(await node.metric("idiom_request_errors_total", { model: load.model }), load.failures.length);
}
