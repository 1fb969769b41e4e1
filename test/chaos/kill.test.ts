// Instances are killed under load, again and again: no call hangs, none gets a wrong answer, none gets two, and what may run again
// does so without its caller noticing.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { setTimeout as delay, setImmediate } from "node:timers/promises";
import type { ServiceError } from "@grpc/grpc-js";
import type { Instance } from "../../workers/instance/instance.ts";
import { FULL, rounds } from "../support/chaos.ts";
import { errorCode } from "../support/client.ts";
import { type InProcess, startInProcess } from "../support/in-process.ts";
import { LANE_SETTINGS } from "../support/lane.ts";
import { activeLanguages, type Language } from "../support/languages.ts";
import { FIXTURES, fixtureModels, fixtureName, type ModelsFolder } from "../support/models.ts";
import { assertSameTensor, type SentTensor, tensor } from "../support/tensors.ts";

/** How often each language is struck; IDIOM_CHAOS_ROUNDS asks for more of those of two instances. */
const KILLS = { idempotent: 20, stateful: 5, ofTwo: rounds(6) };
const CALLERS = 16;
const WHOLE_AGAIN_MS = FULL ? 1000 : 10_000;

describe("killed instances", () => {
  const languages = activeLanguages();
  let node: InProcess;
  before(
    async () => {
      const models = fixtureModels(["named", "keeps_state"], languages);
      for (const language of languages) addTwins(models, language);
      node = await startInProcess(models.path, LANE_SETTINGS);
      await node.up.settled();
    },
    { timeout: 60_000 },
  );
  after(() => node.stop());

  for (const language of languages) {
    const inputsOf = (call: number): SentTensor[] => [tensor("a", "INT32", [call, 2 * call], [1, 2]), tensor("b", "INT32", [call, -call], [1, 2])];
    const callNamed =
      (model: string) =>
      async (call: number): Promise<void> => {
        const answer = await node.client.infer(model, inputsOf(call));
        assertSameTensor(answer["sum"], tensor("sum", "INT32", [2 * call, call], [1, 2]));
        assertSameTensor(answer["difference"], tensor("difference", "INT32", [0, 3 * call], [1, 2]));
      };
    const callStateful = (model: string) => async (): Promise<void> => {
      const answer = await node.client.infer(model, [tensor("x", "INT32", [0])]);
      assert.ok((answer["count"]?.data.readBigInt64LE() ?? 0n) > 0n);
    };

    test(`${language}: calls that may run again are all answered right, and the version is whole again`, { timeout: 60_000 }, async () => {
      const model = fixtureName("named", language);
      const load = new Load(model, callNamed(model));
      await load.during(() => killRepeatedly(node, load, KILLS.idempotent));
      assert.deepEqual(load.failures.map(String), []);
      assert.ok((await node.metric("idiom_merged_requests_sum", { model })) > load.calls, "calls of killed frames ran again");
      await assertAnsweredOnceEach(node, load);
    });

    test(`${language}: a call that must not run again gets one error, and only the call that ran`, { timeout: 60_000 }, async () => {
      const model = fixtureName("keeps_state", language);
      const load = new Load(model, callStateful(model));
      await load.during(() => killRepeatedly(node, load, KILLS.stateful));
      assertDied(load.failures, KILLS.stateful);
      await assertAnsweredOnceEach(node, load);
    });

    const times = `${KILLS.ofTwo} times one of two instances`;
    const timeout = 60_000 + KILLS.ofTwo * 3000;
    test(`${language}: ${times}: calls that may run again see no error`, { timeout }, async () => {
      const model = twinName("named", language);
      const load = new Load(model, callNamed(model));
      await load.during(() => killOneOfTwo(node, load, KILLS.ofTwo));
      assert.deepEqual(load.failures.map(String), []);
      await assertAnsweredOnceEach(node, load);
    });

    test(`${language}: ${times}: calls that must not run again fail at most with the frame that was killed`, { timeout }, async () => {
      const model = twinName("keeps_state", language);
      const load = new Load(model, callStateful(model));
      await load.during(() => killOneOfTwo(node, load, KILLS.ofTwo));
      assertDied(load.failures, KILLS.ofTwo);
      await assertAnsweredOnceEach(node, load);
    });
  }
});

function twinName(behaviour: string, language: Language): string {
  return `${fixtureName(behaviour, language)}-twins`;
}

/** The same models with two instances each. */
function addTwins(models: ModelsFolder, language: Language): void {
  for (const behaviour of ["named", "keeps_state"]) {
    const name = twinName(behaviour, language);
    const yaml = readFileSync(join(FIXTURES, behaviour, language, "model.yaml"), "utf8").replace(/^instances:.*\n/m, "");
    models.addFixture(behaviour, language, name).add(name, { "model.yaml": `${yaml}instances: {min: 2}\n` });
  }
}

/** An instance of these models runs one call at a time. */
function assertDied(failures: readonly ServiceError[], kills: number): void {
  for (const failure of failures) {
    assert.equal(errorCode(failure), "INSTANCE_DIED", String(failure));
    assert.match(failure.details, /died while it ran this request: the process was ended by SIGKILL; it was not run again/);
  }
  assert.ok(failures.length <= kills, `${failures.length} calls failed at ${kills} kills`);
}

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
    // All callers share a frame: between two frames there would be nothing to run again.
    while (instance.idle) await setImmediate();
    const { generation, pid } = instance;
    const whole = node.statusChange(({ name, status }) => name === load.model && status.state === "ready" && instance.generation > generation);
    const killedAt = performance.now();
    process.kill(pid as number, "SIGKILL");
    await whole;
    const tookMs = performance.now() - killedAt;
    assert.ok(tookMs <= WHOLE_AGAIN_MS, `ready again ${Math.round(tookMs)} ms after kill ${kill + 1}`);
  }
}

/** Kills one of the two by chance, waits until both are ready, and as long again, and so on. (How long that takes: `npm run bench -- startup`.) */
async function killOneOfTwo(node: InProcess, load: Load, kills: number): Promise<void> {
  const instances = node.up.node.instancesOf(`${load.model}/1`);
  assert.equal(instances.length, 2);
  for (let kill = 0; kill < kills; kill++) {
    await load.answers(1 + Math.floor(Math.random() * 20));
    const instance = instances[Math.floor(Math.random() * 2)] as Instance;
    // Struck under its first frame it would rest, as one that crashes again and again. One that the other leaves no work never has an answer.
    while (!instance.idle && instance.requests === 0) await load.answers(1);
    const { generation, pid } = instance;
    const whole = node.statusChange(({ name }) => name === load.model && instance.generation > generation && instance.state.name === "ready");
    const killedAt = performance.now();
    process.kill(pid as number, "SIGKILL");
    await whole;
    await delay(performance.now() - killedAt);
  }
}

/** The server counts each answer that it gives; a call answered twice would count twice. */
async function assertAnsweredOnceEach(node: InProcess, load: Load): Promise<void> {
  assert.equal(await node.metric("idiom_requests_total", { model: load.model }), load.calls);
  assert.equal(await node.metric("idiom_request_errors_total", { model: load.model }), load.failures.length);
}
