import assert from "node:assert/strict";
import { describe, test } from "node:test";
import type { ModelVersion, VersionStatus } from "../../../src/core/model.ts";
import { Registry, type RegistryEntry } from "../../../src/registry/registry.ts";
import { idiomError } from "../../support/idiom-error.ts";
import { modelVersion, signature } from "../../support/specs.ts";

const READY: VersionStatus = { state: "ready", signature: signature([], []), slots: 1, environments: ["e"] };
const FAILED: VersionStatus = { state: "failed", reason: "no weights" };

/** A registry in which `serving` is ready and `next` stands in its folder. */
function updating(): { registry: Registry; entry: RegistryEntry; serving: ModelVersion; next: ModelVersion } {
  const [serving, next] = [modelVersion(), modelVersion()];
  const registry = new Registry({ versions: [serving], broken: [] });
  registry.setStatus(serving, READY);
  const entry = registry.find("m", "1");
  registry.setUpdate(entry, { state: "loading", version: next });
  return { registry, entry, serving, next };
}

describe("an update", () => {
  test("changes nothing for calls while it is loading", () => {
    const { registry, entry, serving, next } = updating();
    registry.setStatus(next, { state: "loading" });
    assert.ok(entry.version === serving && entry.status === READY && entry.update?.state === "loading");
  });

  test("that is ready takes the place in one step", () => {
    const { registry, entry, next } = updating();
    const seen: (ModelVersion | null)[] = [];
    registry.onStatus(({ version }) => seen.push(version));
    registry.setStatus(next, READY);
    assert.ok(entry.version === next && entry.update === null);
    assert.deepEqual(seen, [next]);
  });

  test("that cannot be loaded leaves what serves, and says why", () => {
    const { registry, entry, serving, next } = updating();
    registry.setStatus(next, FAILED);
    assert.ok(entry.version === serving && entry.status === READY);
    assert.deepEqual(entry.update, { state: "failed", digest: next.digest, reason: "no weights" });
  });

  test("that has failed says nothing any more, whatever becomes of its processes", () => {
    const { registry, entry, next } = updating();
    registry.setStatus(next, FAILED);
    registry.setStatus(next, { state: "unavailable", signature: null, reason: "it is draining" });
    assert.equal(entry.update?.state === "failed" && entry.update.reason, "no weights");
  });

  test("once it serves, what it replaced says nothing any more", () => {
    const { registry, entry, serving, next } = updating();
    registry.setStatus(next, READY);
    registry.setStatus(serving, FAILED);
    assert.equal(entry.status, READY);
  });
});

describe("a version", () => {
  test("that comes later leaves the registry settled", () => {
    const { registry } = updating();
    registry.add(modelVersion({}, "2"));
    assert.deepEqual([registry.settled, registry.accepting], [true, true]);
  });

  test("that is removed is not found, and listeners hear of it", () => {
    const { registry, entry } = updating();
    const heard: string[] = [];
    registry.onStatus(({ name }) => heard.push(`${name}: ${registry.versionsOf(name).length}`));
    registry.remove(entry);
    assert.deepEqual(heard, ["m: 0"]);
    assert.throws(() => registry.find("m", ""), idiomError("MODEL_NOT_FOUND", /unknown model/));
  });
});

test("a registry that drains is settled and takes no calls", () => {
  const { registry } = updating();
  registry.drain();
  assert.deepEqual([registry.settled, registry.accepting], [true, false]);
});
