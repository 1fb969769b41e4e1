import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { pino } from "pino";
import type { ModelVersion, VersionStatus } from "../../../src/core/model.ts";
import type { NodeReport } from "../../../src/lanes/realtime/node-report.ts";
import type { DirectoryEntry } from "../../../src/lanes/realtime/version-directory.ts";
import { Registry, type RegistryEntry } from "../../../src/registry/registry.ts";
import { ClusterRegistry } from "../../../src/roles/cluster-registry.ts";
import { idiomError } from "../../support/idiom-error.ts";
import { nodeReport } from "../../support/node-reports.ts";
import { modelVersion, signature, spec } from "../../support/specs.ts";

/** The id of the process whose registry it is. */
const SELF = "self";
const SIGNATURE = signature([spec("x", "FP32", [-1])], [spec("y", "FP32", [-1])]);

interface Cluster {
  readonly registry: ClusterRegistry;
  readonly lookedUp: string[];
  /** How often listeners heard of a change. */
  changes: number;
  see(...nodes: NodeReport[]): Promise<void>;
  /** The state of model m, version 1, with its slots or its reason. */
  status(): readonly (string | number)[] | null;
}

function cluster(lookUp: (wanted: { readonly digest: string }) => DirectoryEntry | null = written, own: Registry | null = null): Cluster {
  const lookedUp: string[] = [];
  const directory = {
    id: SELF,
    async lookUp(wanted: { readonly digest: string }) {
      lookedUp.push(wanted.digest);
      return lookUp(wanted);
    },
  };
  const registry = new ClusterRegistry(own, directory, pino({ enabled: false }));
  const made: Cluster = {
    registry,
    lookedUp,
    changes: 0,
    see: (...nodes) => registry.see(nodes),
    status() {
      const status = registry.versionsOf("m")[0]?.status;
      if (status === undefined) return null;
      if (status.state === "ready") return [status.state, status.slots];
      return "reason" in status ? [status.state, status.reason] : [status.state];
    },
  };
  registry.onStatus(() => made.changes++);
  return made;
}

function written({ digest }: { readonly digest: string }): DirectoryEntry {
  return { version: { ...modelVersion(), digest }, signature: SIGNATURE };
}

function digestOf({ registry }: Cluster): string | undefined {
  return registry.versionsOf("m")[0]?.version?.digest;
}

describe("a version that nodes serve", () => {
  test("has the environments of those that have the files that serve, the one with the most slots first", async () => {
    const seen = cluster();
    await seen.see(
      nodeReport("a", [{ environment: "old", slots: 1 }]),
      nodeReport("b", [{ environment: "new", slots: 2 }]),
      nodeReport("c", [{ environment: "other", digest: "b", slots: 1 }]),
    );
    const environments = (): readonly string[] => {
      const status = seen.registry.versionsOf("m")[0]?.status;
      return status?.state === "ready" ? status.environments : [];
    };
    assert.deepEqual(environments(), ["new", "old"]);
    await seen.see(nodeReport("a", [{ environment: "old", slots: 3 }]));
    assert.deepEqual(environments(), ["old"]);
  });

  test("is ready with the slots of all of them and what was written of it", async () => {
    const seen = cluster();
    await seen.see(nodeReport("one", [{ slots: 2 }]), nodeReport("two", [{ slots: 3 }]));
    assert.deepEqual(seen.status(), ["ready", 5]);
    const { status } = seen.registry.find("m", "1");
    assert.equal(status.state === "ready" && status.signature, SIGNATURE);
  });

  test("is looked up once, and listeners hear of it once", async () => {
    const seen = cluster();
    await seen.see(nodeReport("one", [{}]));
    const { changes } = seen;
    await seen.see(nodeReport("one", [{}]));
    assert.deepEqual([seen.lookedUp, seen.changes], [["a"], changes]);
  });

  test("is unknown while nothing is written of it, and is asked for again", async () => {
    let entry: DirectoryEntry | null = null;
    const seen = cluster(() => entry);
    await seen.see(nodeReport("one", [{}]));
    assert.equal(seen.status(), null);
    entry = written({ digest: "a" });
    await seen.see(nodeReport("one", [{}]));
    assert.deepEqual(seen.status(), ["ready", 2]);
  });

  test("stays unknown while what is written cannot be read, and others are not held up", async () => {
    const seen = cluster(({ digest }) => {
      if (digest === "broken") throw new Error("not of this form");
      return written({ digest });
    });
    await seen.see(nodeReport("one", [{ key: "other/1", name: "other", digest: "broken" }, {}]));
    assert.deepEqual([seen.status(), seen.registry.versionsOf("other")], [["ready", 2], []]);
  });
});

describe("a version that nobody serves any more", () => {
  test("says so when its node is gone", async () => {
    const seen = cluster();
    await seen.see(nodeReport("one", [{}]));
    await seen.see();
    assert.deepEqual(seen.status(), ["unavailable", "no worker serves it: none runs python; start one with: idiom worker --runtimes python"]);
  });

  test("says which nodes with it drain", async () => {
    const seen = cluster();
    await seen.see(nodeReport("one", [{}]));
    await seen.see(nodeReport("one", [{}], { state: "draining" }), nodeReport("two", [{}], { state: "drained" }));
    assert.deepEqual(seen.status(), ["unavailable", "node 'one' is draining; node 'two' is drained"]);
  });

  test("says so also when it was never ready", async () => {
    const seen = cluster();
    await seen.see(nodeReport("one", [{ state: "loading", slots: 0 }]));
    await seen.see();
    assert.deepEqual(seen.status(), ["unavailable", "no worker serves it"]);
  });

  test("is ready again with the next node", async () => {
    const seen = cluster();
    await seen.see(nodeReport("one", [{}]));
    await seen.see();
    await seen.see(nodeReport("two", [{ slots: 1 }]));
    assert.deepEqual(seen.status(), ["ready", 1]);
  });
});

describe("a version that no node has ready", () => {
  test("says what its node says", async () => {
    const seen = cluster();
    await seen.see(nodeReport("one", [{ state: "failed", reason: "ImportError: sklearn", slots: 0 }]));
    assert.deepEqual(seen.status(), ["failed", "ImportError: sklearn"]);
    await seen.see(nodeReport("one", [{ state: "loading", slots: 0 }]));
    assert.deepEqual(seen.status(), ["loading"]);
    await seen.see(nodeReport("one", [{}]));
    assert.deepEqual(seen.status(), ["ready", 2]);
  });

  test("is unavailable once it was ready, and says the latest reason", async () => {
    const seen = cluster();
    await seen.see(nodeReport("one", [{}]));
    await seen.see(nodeReport("one", [{ state: "unavailable", reason: "it crashed", slots: 0 }]));
    assert.deepEqual(seen.status(), ["unavailable", "it crashed"]);
  });

  test("is unknown again once it was removed from the folder of a node that is there still", async () => {
    const seen = cluster();
    await seen.see(nodeReport("one", [{}]), nodeReport("two", [{}]));
    await seen.see(nodeReport("one", []));
    assert.equal(seen.status(), null);
    assert.throws(() => seen.registry.find("m", ""), idiomError("MODEL_NOT_FOUND", /unknown model/));
  });

  test("that went with its node says whether others could have it", async () => {
    const seen = cluster();
    await seen.see(nodeReport("one", [{}]), nodeReport("two", []));
    await seen.see(nodeReport("two", []));
    assert.deepEqual(seen.status(), ["unavailable", "no worker serves it: those that run python do not have it in their folder of models"]);
  });
});

describe("nodes with different files", () => {
  test("the files that serve go on while a node has them; their slots alone count", async () => {
    const seen = cluster();
    await seen.see(nodeReport("one", [{ digest: "a" }]));
    await seen.see(nodeReport("two", [{ digest: "b", slots: 8 }]), nodeReport("one", [{ digest: "a" }]));
    assert.deepEqual([digestOf(seen), seen.status()], ["a", ["ready", 2]]);
  });

  test("the new files take over when the last node with the old ones is gone", async () => {
    const seen = cluster();
    await seen.see(nodeReport("one", [{ digest: "a" }]));
    await seen.see(nodeReport("two", [{ digest: "b", slots: 8 }]));
    assert.deepEqual([digestOf(seen), seen.status()], ["b", ["ready", 8]]);
    assert.equal(seen.registry.entries().length, 1);
  });
});

describe("a gateway", () => {
  test("takes no calls until a worker that takes work is there, and says what to start", async () => {
    const { registry, see } = cluster();
    assert.deepEqual([registry.accepting, registry.obstacle], [false, "Redis has not been reached yet"]);
    await see(nodeReport("door", [], { role: "gateway" }), nodeReport("one", [{}], { state: "drained" }));
    assert.deepEqual([registry.accepting, registry.obstacle], [false, "no worker takes calls: node 'one' is drained"]);
    await see();
    assert.deepEqual([registry.accepting, registry.obstacle], [false, "there is no worker; start one with: idiom worker"]);
    await see(nodeReport("one", [{}]));
    assert.deepEqual([registry.accepting, registry.obstacle], [true, null]);
  });

  test("knows a version whose language nobody runs, and says which worker to start", async () => {
    const seen = cluster();
    await seen.see(nodeReport("one", [{ state: "foreign", runtime: "r", slots: 0 }]));
    assert.deepEqual(seen.status(), ["unavailable", "no worker serves it: none runs r; start one with: idiom worker --runtimes r"]);
  });

  test("takes no calls and names none of its models ready while Redis is away; then goes on with what it knew", async () => {
    const seen = cluster();
    const { registry } = seen;
    const heard: (string | null)[] = [];
    registry.onAccepting(() => heard.push(registry.obstacle));
    await seen.see(nodeReport("one", [{}]));
    registry.setRedisProblem("Redis is away");
    assert.deepEqual([registry.accepting, seen.status()], [false, ["unavailable", "Redis is away"]]);
    assert.throws(() => registry.find("n", ""), idiomError("MODEL_NOT_READY", "model 'n' is not known here: Redis is away"));
    registry.setRedisProblem("Redis is away");
    registry.setRedisProblem(null);
    assert.deepEqual([registry.accepting, seen.status()], [true, ["ready", 2]]);
    assert.throws(() => registry.find("n", ""), idiomError("MODEL_NOT_FOUND", /unknown model/));
    assert.deepEqual(heard, [null, "Redis is away", null]);
  });
});

describe("a process with models of its own", () => {
  /** Model m, version 1, of the own folder, with the files `a`. */
  const own = (): { readonly registry: Registry; readonly version: ModelVersion; readonly front: Cluster } => {
    const version = { ...modelVersion(), digest: "a" };
    const registry = new Registry({ versions: [version], broken: [] });
    return { registry, version, front: cluster(written, registry) };
  };
  const ready: VersionStatus = { state: "ready", signature: signature([], []), slots: 1, environments: ["here"] };
  const failed: VersionStatus = { state: "failed", reason: "no pandas" };

  test("tells of them at once, before Redis is reached and while it is away", () => {
    const { registry, version, front } = own();
    assert.deepEqual([front.status(), front.registry.settled], [["loading"], false]);
    registry.setStatus(version, ready);
    assert.deepEqual([front.status(), front.registry.accepting], [["ready", 1], true]);
    front.registry.setRedisProblem("Redis is away");
    assert.deepEqual([front.status(), front.registry.accepting], [["ready", 1], true]);
    assert.equal(front.registry.find("m", "").version, version);
  });

  test("tells of those of others beside them, which are gone with Redis; its own are not", async () => {
    const { registry, version, front } = own();
    registry.setStatus(version, ready);
    const other = { key: "m/2", version: "2" };
    await front.see(nodeReport(SELF, [{ slots: 1 }]), nodeReport("two", [other]));
    assert.equal(front.registry.find("m", "").versionNumber, "2");
    front.registry.setRedisProblem("Redis is away");
    assert.equal(front.registry.find("m", "").versionNumber, "1");
    const { status } = front.registry.find("m", "2");
    assert.deepEqual(status, { state: "unavailable", signature: null, reason: "Redis is away" });
  });

  test("has one that is not ready here where the same files are ready elsewhere, until it is ready here or they are gone", async () => {
    const { registry, version, front } = own();
    registry.setStatus(version, failed);
    await front.see(nodeReport("two", [{ slots: 3 }]));
    assert.deepEqual(front.status(), ["ready", 3]);
    const { status } = front.registry.find("m", "1");
    assert.equal(status.state === "ready" && status.signature, SIGNATURE);
    registry.setStatus(version, ready);
    assert.deepEqual([front.status(), front.registry.find("m", "1").version], [["ready", 1], version]);
    registry.setStatus(version, failed);
    assert.deepEqual(front.status(), ["ready", 3]);
    await front.see();
    assert.deepEqual(front.status(), ["failed", "no pandas"]);
  });

  test("knows the environments of all nodes that have it ready, its own first", async () => {
    const { registry, version, front } = own();
    registry.setStatus(version, ready);
    await front.see(nodeReport("two", [{ environment: "there" }]), nodeReport("three", [{ environment: "elsewhere", digest: "b" }]));
    const { status } = front.registry.find("m", "1");
    assert.deepEqual(status.state === "ready" && [status.slots, status.environments], [1, ["here", "there"]]);
  });

  test("does not take other files for its own", async () => {
    const { registry, version, front } = own();
    registry.setStatus(version, failed);
    await front.see(nodeReport("two", [{ digest: "b" }]));
    assert.deepEqual([front.status(), front.lookedUp], [["failed", "no pandas"], []]);
  });

  test("answers for a folder that cannot be read with what others serve", async () => {
    const front = cluster(written, new Registry({ versions: [], broken: [{ name: "m", version: "1", reason: "no entry" }] }));
    assert.deepEqual(front.status(), ["failed", "no entry"]);
    await front.see(nodeReport("two", [{}]));
    assert.deepEqual(front.status(), ["ready", 2]);
  });

  test("believes its own folder, not what Redis still says of it", async () => {
    const { registry, version, front } = own();
    registry.setStatus(version, failed);
    await front.see(nodeReport(SELF, [{}]));
    assert.deepEqual(front.status(), ["failed", "no pandas"]);
  });

  test("forgets one that is removed, unless others have it", async () => {
    const { registry, front } = own();
    const [entry] = registry.entries() as [RegistryEntry];
    await front.see(nodeReport(SELF, [{}]), nodeReport("two", [{}]));
    registry.remove(entry);
    assert.deepEqual(front.status(), ["ready", 2]);
    await front.see(nodeReport(SELF, [{}]), nodeReport("two", []));
    assert.equal(front.status(), null);
  });

  test("is settled with its own models, wherever else they are ready", async () => {
    const { registry, version, front } = own();
    let told = 0;
    front.registry.onAccepting(() => told++);
    await front.see(nodeReport("two", [{}]));
    assert.deepEqual([front.status(), front.registry.accepting], [["ready", 2], false]);
    told = 0;
    registry.setStatus(version, failed);
    assert.deepEqual([front.status(), front.registry.accepting, told], [["ready", 2], true, 1]);
  });

  test("drains with them, and then sends elsewhere only what another node takes", async () => {
    const { registry, version, front } = own();
    registry.setStatus(version, ready);
    await front.see(nodeReport("two", []));
    assert.deepEqual([front.registry.isOursAlone(version), front.registry.whyNotRemote(version)], [true, null]);
    registry.drain();
    assert.deepEqual([front.registry.draining, front.registry.accepting], [true, false]);
    assert.equal(front.registry.whyNotRemote(version), "this node is draining, and no other one serves it");
    for (const [here, taken] of [
      [{ state: "failed" }, false],
      [{ state: "foreign" }, false],
      [{ digest: "b" }, false],
      [{ state: "loading" }, true],
      [{}, true],
    ] as const) {
      await front.see(nodeReport("two", [here]));
      assert.deepEqual([front.registry.isOursAlone(version), front.registry.whyNotRemote(version) === null], [!taken, taken], JSON.stringify(here));
    }
    await front.see();
    front.registry.setRedisProblem("Redis is away");
    assert.deepEqual([front.registry.isOursAlone(version), front.registry.whyNotRemote(version)], [false, "Redis is away"]);
  });
});
