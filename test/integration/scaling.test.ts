// How many instances a version has: more where work waits, fewer where none does, none at all with `min: 0`, and fresh ones for
// those that have served their time. No call fails meanwhile.
import assert from "node:assert/strict";
import { appendFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, type TestContext, test } from "node:test";
import { errorCode, failureOf } from "../support/client.ts";
import { type InProcess, startInProcess } from "../support/in-process.ts";
import { LANE_SETTINGS } from "../support/lane.ts";
import { ModelsFolder } from "../support/models.ts";
import { assertSameTensor, tensor } from "../support/tensors.ts";

const SLOW_MS = 300;
const TENSORS = "inputs: [{name: x, datatype: INT32, shape: [-1]}]\noutputs: [{name: y, datatype: INT32, shape: [-1]}]\n";

/** Models that take as many ms as they are told, by their names and what model.yaml says of their instances. */
function sleepers(instances: Readonly<Record<string, string>>): string {
  const models = new ModelsFolder();
  for (const [name, yaml] of Object.entries(instances)) models.addFixture("slow", "node", name).add(name, { "model.yaml": `${TENSORS}instances: ${yaml}\n` });
  return models.path;
}

/** A model `m` that cannot be loaded while it is broken. */
function breakable(instances: string, others: Readonly<Record<string, string>> = {}): { readonly models: string; breakIt(): void; mendIt(): void } {
  const models = sleepers({ ...others, m: instances });
  const [file, broken] = [join(models, "m", "model.mjs"), join(models, "m", "broken")];
  appendFileSync(file, 'import { existsSync } from "node:fs";\nif (existsSync(new URL("broken", import.meta.url))) throw new Error("no weights");\n');
  return { models, breakIt: () => writeFileSync(broken, ""), mendIt: () => rmSync(broken) };
}

async function start(t: TestContext, models: string, instances: Readonly<Record<string, unknown>> = {}): Promise<InProcess> {
  const node = await startInProcess(models, { ...LANE_SETTINGS, instances });
  t.after(() => node.stop());
  await node.up.settled();
  return node;
}

async function sleep(node: InProcess, model: string, ms: number): Promise<void> {
  const { y } = await node.client.infer(model, [tensor("x", "INT32", [ms])]);
  assertSameTensor(y, tensor("y", "INT32", [ms]));
}

/** Resolves when so many instances of the model are there, and that one at least has been ready. */
async function untilThere(node: InProcess, model: string, count: number): Promise<void> {
  const there = (): boolean => node.up.node.instancesOf(`${model}/1`).length === count;
  if (!there()) await node.statusChange(({ name }) => name === model && there());
}

async function untilReady(node: InProcess, models: readonly string[]): Promise<void> {
  const ready = (): boolean => models.every((model) => node.up.registry.versionsOf(model)[0]?.status.state === "ready");
  if (!ready()) await node.statusChange(ready);
}

const TEST = { timeout: 30_000 };

describe("a version between min and max", () => {
  test("gets more instances while work waits, as many as it may have, and loses them when it idles", TEST, async (t) => {
    const node = await start(t, sleepers({ m: "{min: 1, max: 3}" }), { idleAfterMs: 500 });
    const most = untilThere(node, "m", 3);
    const calls = Array.from({ length: 12 }, () => sleep(node, "m", SLOW_MS));
    await most;
    await Promise.all(calls);
    await untilThere(node, "m", 1);
    await sleep(node, "m", 1);
  });

  test("gets none while nothing waits long", TEST, async (t) => {
    const node = await start(t, sleepers({ m: "{min: 1, max: 3}" }), { growAfterMs: 5000 });
    await Promise.all(Array.from({ length: 20 }, () => sleep(node, "m", 1)));
    assert.equal(node.up.node.instancesOf("m/1").length, 1);
  });
});

describe("a version that has been ready, and cannot be loaded for a while", () => {
  test("is tried again until it can", TEST, async (t) => {
    const { models, breakIt, mendIt } = breakable("{min: 1}");
    const node = await start(t, models);
    breakIt();
    const [instance] = node.up.node.instancesOf("m/1");
    const tried = node.statusChange(() => instance !== undefined && "reason" in instance.state && instance.state.reason.includes("no weights"));
    process.kill(instance?.pid as number, "SIGKILL");
    await tried;
    mendIt();
    await untilReady(node, ["m"]);
    await sleep(node, "m", 1);
  });

  test("keeps the instances that serve, and drops a further one that never does", TEST, async (t) => {
    const { models, breakIt } = breakable("{min: 1, max: 2}");
    const node = await start(t, models, { idleAfterMs: 100 });
    breakIt();
    const states = (): string[] => node.up.node.instancesOf("m/1").map(({ state }) => state.name);
    const quarantined = node.statusChange(() => states().includes("quarantined"));
    await Promise.all([sleep(node, "m", SLOW_MS), sleep(node, "m", SLOW_MS), quarantined]);
    await untilThere(node, "m", 1);
    await sleep(node, "m", 1);
    assert.deepEqual(states(), ["ready"]);
  });

  test("with min: 0 it starts again for the next call, however short ago a further instance was given up", TEST, async (t) => {
    const { models, breakIt, mendIt } = breakable("{min: 0, max: 2}");
    const node = await start(t, models, { idleAfterMs: 1000 });
    await sleep(node, "m", 1);
    breakIt();
    const isQuarantined = (): boolean => node.up.node.instancesOf("m/1").some(({ state }) => state.name === "quarantined");
    await Promise.all([sleep(node, "m", SLOW_MS), sleep(node, "m", SLOW_MS)]);
    while (!isQuarantined()) await sleep(node, "m", 1);
    await untilThere(node, "m", 0);
    mendIt();
    await sleep(node, "m", 1);
  });

  test("with min: 0 it holds no room that another version needs", TEST, async (t) => {
    const { models, breakIt } = breakable("{min: 0}", { other: "{min: 0}" });
    const node = await start(t, models, { max: 1, idleAfterMs: 100 });
    await Promise.all([untilReady(node, ["m", "other"]), untilThere(node, "m", 0), untilThere(node, "other", 0)]);
    breakIt();
    assert.equal(errorCode(await failureOf(sleep(node, "m", 1))), "MODEL_NOT_READY");
    await sleep(node, "other", 1);
  });
});

describe("a version with min: 0", () => {
  test("is ready without any instance, and starts one for the calls that come", TEST, async (t) => {
    const node = await start(t, sleepers({ m: "{min: 0}" }), { idleAfterMs: 500 });
    await untilThere(node, "m", 0);
    const [entry] = node.up.registry.versionsOf("m");
    assert.deepEqual([entry?.status.state, entry?.status.state === "ready" && entry.status.slots], ["ready", 0]);
    await Promise.all([sleep(node, "m", 1), sleep(node, "m", 2), sleep(node, "m", 3)]);
    assert.equal(node.up.node.instancesOf("m/1").length, 1);
  });

  test("starts nothing on a node that knows its signature from an earlier life", TEST, async (t) => {
    const models = sleepers({ m: "{min: 0}" });
    const earlier = await startInProcess(models, LANE_SETTINGS);
    await earlier.up.settled();
    await sleep(earlier, "m", 1);
    await earlier.stop();
    const node = await start(t, models);
    assert.deepEqual(node.up.node.instancesOf("m/1"), []);
    await sleep(node, "m", 1);
    assert.equal(node.up.node.instancesOf("m/1").length, 1);
  });

  test("answers every call while its instances come and go", { timeout: 60_000 }, async (t) => {
    const node = await start(t, sleepers({ m: "{min: 0, max: 2}" }), { idleAfterMs: 0, growAfterMs: 0 });
    let gone = 0;
    for (; gone < 3; gone++) {
      await Promise.all([sleep(node, "m", 1), sleep(node, "m", 30), sleep(node, "m", 2)]);
      await untilThere(node, "m", 0);
    }
    assert.equal(await node.metric("idiom_request_errors_total", { model: "m" }), 0);
  });
});

describe("a node that may run only so many instances", () => {
  test("lets one that idles go for one that has work", TEST, async (t) => {
    const node = await start(t, sleepers({ a: "{min: 0}", b: "{min: 0}" }), { max: 1 });
    // Each has run once before it is known; the second had to wait for that.
    await untilReady(node, ["a", "b"]);
    for (const model of ["a", "b", "a"]) {
      await sleep(node, model, 1);
      assert.equal(node.up.node.pools.flatMap((pool) => pool.instances).filter(({ state }) => state.name === "ready").length, 1);
    }
  });

  test("says so where a version finds no room, and serves it as soon as there is some", TEST, async (t) => {
    const node = await start(t, sleepers({ a: "{min: 1}", b: "{min: 1}" }), { memory: "1GiB" });
    const [without] = node.up.registry.entries().filter(({ status }) => status.state !== "ready");
    assert.ok(without?.status.state === "unavailable");
    assert.match(without.status.reason, /no room for a further instance \(instances\.memory: 1073741824 of 1073741824 bytes are promised\)/);
    const error = await failureOf(sleep(node, without.name, 1));
    assert.equal(errorCode(error), "MODEL_NOT_READY");
    const served = node.up.registry.entries().find(({ status }) => status.state === "ready")?.version;
    assert.ok(served);
    const ready = node.statusChange(({ name, status }) => name === without.name && status.state === "ready");
    await node.up.node.retire(served, 5000);
    await ready;
    await sleep(node, without.name, 1);
  });
});

describe("an instance that has served its time", () => {
  for (const [what, recycle] of [
    ["as many requests as it may", "{requests: 50}"],
    ["as long as it may", "{age: 1s}"],
    ["with more memory than it may hold", "{memory: 1MiB}"],
  ] as const) {
    test(`${what} is replaced by a fresh one, and no call fails`, TEST, async (t) => {
      const node = await start(t, sleepers({ m: `{min: 1, recycle: ${recycle}}` }));
      const [first] = node.up.node.instancesOf("m/1");
      const replaced = node.statusChange(() => !node.up.node.instancesOf("m/1").some((instance) => instance === first));
      let over = false;
      void replaced.then(() => {
        over = true;
      });
      const callers = Array.from({ length: 4 }, async () => {
        while (!over) await sleep(node, "m", 1);
      });
      await Promise.all([replaced, ...callers]);
      await sleep(node, "m", 1);
      assert.equal(await node.metric("idiom_request_errors_total", { model: "m" }), 0);
    });
  }

  test("ends first where the node has no room for both, and no call fails", TEST, async (t) => {
    const node = await start(t, sleepers({ m: "{min: 1, recycle: {age: 1s}}" }), { max: 1 });
    const [first] = node.up.node.instancesOf("m/1");
    assert.ok(first);
    while (node.up.node.instancesOf("m/1").includes(first)) await sleep(node, "m", 20);
    await sleep(node, "m", 20);
    assert.equal(await node.metric("idiom_request_errors_total", { model: "m" }), 0);
  });
});
