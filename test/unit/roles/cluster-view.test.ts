import assert from "node:assert/strict";
import { before, describe, test } from "node:test";
import { pino } from "pino";
import type { Member, ReportedVersion } from "../../../src/lanes/realtime/node-report.ts";
import { Registry } from "../../../src/registry/registry.ts";
import { ClusterRegistry } from "../../../src/roles/cluster-registry.ts";
import { ClusterView } from "../../../src/roles/cluster-view.ts";
import { idiomError } from "../../support/idiom-error.ts";
import { nodeReport } from "../../support/node-reports.ts";
import { modelVersion, signature } from "../../support/specs.ts";

const FAILED: Partial<ReportedVersion> = { state: "failed", reason: "ImportError: sklearn\nat line 1", slots: 0, readyInstances: 0 };

/** As a gateway shows these members. */
async function view(...members: Member[]): Promise<ClusterView> {
  const registry = gateway();
  await registry.see(members);
  return new ClusterView(members, registry);
}

function gateway(own: Registry | null = null): ClusterRegistry {
  const lookUp = async ({ digest }: { readonly digest: string }) => ({ version: { ...modelVersion(), digest }, signature: signature([], []) });
  return new ClusterRegistry(own, { id: "self", lookUp }, pino({ enabled: false }));
}

describe("a version", () => {
  test("is ready with the digest of the most slots, on the nodes that have it", async () => {
    const nodes = [nodeReport("one", [{ digest: "a", slots: 1 }]), nodeReport("two", [{ digest: "b" }]), nodeReport("three", [{ digest: "b" }])];
    const [version] = (await view(...nodes)).versions;
    assert.deepEqual([version?.state, version?.digest, version?.readyNodes], ["ready", "b", ["three", "two"]]);
  });

  test("is loading while a node loads it, whatever the others say", async () => {
    assert.equal((await view(nodeReport("one", [FAILED]), nodeReport("two", [{ state: "loading", slots: 0 }]))).versions[0]?.state, "loading");
  });

  test("that no node has ready says why, by node", async () => {
    const [version] = (await view(nodeReport("one", [FAILED]), nodeReport("two", [{}], { state: "draining" }))).versions;
    assert.deepEqual([version?.state, version?.reason], ["failed", "node 'one': ImportError: sklearn; node 'two' is draining"]);
  });

  test("that no node has ready, with different files, says which node has which", async () => {
    const [version] = (await view(nodeReport("one", [{ ...FAILED, digest: "0123456789abcdef" }]), nodeReport("two", [{ ...FAILED, digest: "fedcba" }])))
      .versions;
    assert.equal(version?.reason, "node 'one' (files 0123456789ab): ImportError: sklearn; node 'two' (files fedcba): ImportError: sklearn");
  });

  test("of a language that nobody runs says what to start", async () => {
    const [version] = (await view(nodeReport("one", [{ state: "foreign", runtime: "r" }]))).versions;
    assert.deepEqual([version?.state, version?.onNodes], ["unavailable", []]);
    assert.equal(version?.reason, "no worker serves it: none runs r; start one with: idiom worker --runtimes r");
  });
});

describe("problems", () => {
  test("there are none where all is well", async () => {
    assert.deepEqual((await view(nodeReport("one", [{}]), nodeReport("two", [{}]), nodeReport("door", [], { role: "gateway" }))).problems, []);
  });

  test("of a process alone name no node", async () => {
    assert.deepEqual((await view(nodeReport("one", [FAILED], { problems: ["no Redis"] }))).problems, [
      "no Redis",
      "model 'm' version '1' is failed: ImportError: sklearn",
    ]);
  });

  test("name the node where a version fails that others serve", async () => {
    assert.deepEqual((await view(nodeReport("one", [{}]), nodeReport("two", [FAILED]))).problems, [
      "model 'm' version '1' on node 'two' is failed: ImportError: sklearn",
    ]);
  });

  test("name the node whose files differ from those that serve", async () => {
    assert.deepEqual((await view(nodeReport("one", [{ digest: "aa" }]), nodeReport("two", [{ digest: "bb", slots: 1 }]))).problems, [
      "model 'm' version '1': node 'two' has other files (bb) than those that serve (aa); give all nodes the same folder",
    ]);
  });

  test("name the node that has kept its old files because the new ones fail", async () => {
    const update = { digest: "b", state: "failed", reason: "SyntaxError" } as const;
    assert.deepEqual((await view(nodeReport("one", [{}]), nodeReport("two", [{ update }]))).problems, [
      "model 'm' version '1' on node 'two' serves what its folder held before; what it holds now: SyntaxError",
    ]);
  });

  test("name the node whose files differ from our own that cannot be loaded", async () => {
    const version = { ...modelVersion(), digest: "aa" };
    const own = new Registry({ versions: [version], broken: [] });
    own.setStatus(version, { state: "failed", reason: "ImportError" });
    const members = [nodeReport("self", [{ ...FAILED, digest: "aa" }]), nodeReport("two", [{ digest: "bb" }])];
    const registry = gateway(own);
    await registry.see(members);
    assert.deepEqual(new ClusterView(members, registry).problems, [
      "model 'm' version '1' is failed: ImportError",
      "model 'm' version '1': node 'two' has other files (bb) than those of this node (aa); give all nodes the same folder",
    ]);
  });

  test("do not repeat for every version that Redis is away", async () => {
    const registry = gateway();
    await registry.see([nodeReport("one", [{}])]);
    registry.setRedisProblem("Redis is away");
    const { versions, problems } = new ClusterView([], registry);
    assert.deepEqual([versions[0]?.reason, problems], ["Redis is away", []]);
  });

  test("name nodes that drain", async () => {
    assert.deepEqual((await view(nodeReport("one", [{}]), nodeReport("two", [{}], { state: "drained" }))).problems, ["node 'two' is drained"]);
  });
});

describe("two nodes of one name", () => {
  let twins: ClusterView;
  before(async () => {
    twins = await view(nodeReport("host-1-aaaaaaaa", [{}], { name: "x" }), nodeReport("host-2-bbbbbbbb", [{}], { name: "x" }));
  });

  test("are told apart everywhere, and it is a problem", () => {
    assert.deepEqual(
      twins.members.map(({ name }) => name),
      ["x~aaaaaaaa", "x~bbbbbbbb"],
    );
    assert.deepEqual(twins.versions[0]?.readyNodes, ["x~aaaaaaaa", "x~bbbbbbbb"]);
    assert.deepEqual(twins.problems, ["several nodes are called 'x': give each its own IDIOM_NODE_NAME"]);
  });

  test("are found by what tells them apart, not by what they share", () => {
    assert.equal(twins.find("x~bbbbbbbb").id, "host-2-bbbbbbbb");
    assert.throws(() => twins.find("x"), idiomError("NODE_NOT_FOUND", "there is no node 'x'; there are: x~aaaaaaaa, x~bbbbbbbb"));
  });
});
