import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { pino } from "pino";
import type { NodeReport } from "../../../src/lanes/realtime/node-report.ts";
import type { DirectoryEntry } from "../../../src/lanes/realtime/version-directory.ts";
import { Registry } from "../../../src/registry/registry.ts";
import { ClusterRegistry } from "../../../src/roles/cluster-registry.ts";
import { nodeReport } from "../../support/node-reports.ts";
import { modelVersion, signature, spec } from "../../support/specs.ts";

const SIGNATURE = signature([spec("x", "FP32", [-1])], [spec("y", "FP32", [-1])]);

interface Cluster {
  readonly registry: Registry;
  readonly lookedUp: string[];
  /** How often listeners heard of a change. */
  changes: number;
  see(...nodes: NodeReport[]): Promise<void>;
  /** The state of model m, version 1, with its slots or its reason. */
  status(): readonly (string | number)[] | null;
}

function cluster(lookUp: (wanted: { readonly digest: string }) => DirectoryEntry | null = written): Cluster {
  const registry = new Registry({ versions: [], broken: [] });
  const lookedUp: string[] = [];
  const subject = new ClusterRegistry(
    registry,
    async (wanted) => {
      lookedUp.push(wanted.digest);
      return lookUp(wanted);
    },
    pino({ enabled: false }),
  );
  const made: Cluster = {
    registry,
    lookedUp,
    changes: 0,
    see: (...nodes) => subject.see(nodes),
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
    await seen.see(nodeReport("one", []));
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
});
