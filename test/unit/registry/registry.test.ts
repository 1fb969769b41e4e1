import assert from "node:assert/strict";
import { describe, test } from "node:test";
import type { ModelVersion, VersionStatus } from "../../../src/core/model.ts";
import { Registry, type RegistryEntry } from "../../../src/registry/registry.ts";
import { idiomError } from "../../support/idiom-error.ts";
import { modelVersion, signature } from "../../support/specs.ts";

const READY: VersionStatus = { state: "ready", signature: signature([], []), slots: 1, environments: ["e"] };

function versionsOf(name: string, ...numbers: string[]): ModelVersion[] {
  return numbers.map((number) => modelVersion({ name }, number));
}

/** A registry of model `m` in these versions, all of them loading, and the versions. */
function registryOf(...numbers: string[]): { registry: Registry; versions: ModelVersion[] } {
  const versions = versionsOf("m", ...numbers);
  return { registry: new Registry({ versions, broken: [] }), versions };
}

const numbersOf = (entries: readonly RegistryEntry[]): string[] => entries.map((entry) => entry.versionNumber);

describe("a request that names no version", () => {
  test("means the newest that is ready", () => {
    const { registry, versions } = registryOf("1", "2", "10");
    for (const version of versions.slice(0, 2)) registry.setStatus(version, READY);
    assert.equal(registry.find("m", "").versionNumber, "2");
  });

  test("means the newest while none is ready, so that it hears why", () => {
    assert.equal(registryOf("9", "10").registry.find("m", "").versionNumber, "10");
  });
});

describe("a request that names a version", () => {
  test("means that one, ready or not", () => {
    const { registry, versions } = registryOf("1", "2");
    registry.setStatus(versions[1] as ModelVersion, READY);
    assert.equal(registry.find("m", "1").versionNumber, "1");
  });

  test("is refused where there is no such version, with those that there are", () => {
    assert.throws(
      () => registryOf("1", "2").registry.find("m", "9"),
      idiomError("MODEL_NOT_FOUND", "Request for unknown model: 'm' version 9 is not found; versions: 2, 1"),
    );
  });

  test("is refused where the version is no number", () => {
    assert.throws(
      () => registryOf("1").registry.find("m", "latest"),
      idiomError("INVALID_REQUEST", "failed to get model version from specified version string 'latest'; a version is a positive number"),
    );
  });
});

test("a request for an unknown model is refused, whatever the version", () => {
  for (const version of ["", "1", "latest"]) {
    assert.throws(() => registryOf("1").registry.find("other", version), idiomError("MODEL_NOT_FOUND", "Request for unknown model: 'other' is not found"));
  }
});

test("names that every object has are no models", () => {
  assert.throws(() => registryOf("1").registry.find("constructor", ""), idiomError("MODEL_NOT_FOUND", /unknown model/));
});

test("entries are listed by name, the newest version first, by number and not by text", () => {
  const registry = new Registry({ versions: [...versionsOf("b", "2", "10", "1"), ...versionsOf("a", "1")], broken: [] });
  assert.deepEqual(
    registry.entries().map((entry) => `${entry.name}/${entry.versionNumber}`),
    ["a/1", "b/10", "b/2", "b/1"],
  );
  assert.deepEqual(numbersOf(registry.versionsOf("b")), ["10", "2", "1"]);
});

test("an unknown model has no versions", () => {
  assert.deepEqual(registryOf("1").registry.versionsOf("other"), []);
});

describe("a broken version", () => {
  const registry = new Registry({ versions: versionsOf("m", "1"), broken: [{ name: "m", version: "2", reason: "no language" }] });

  test("is listed as failed, with its reason", () => {
    const { version, status } = registry.find("m", "2");
    assert.deepEqual({ version, status }, { version: null, status: { state: "failed", reason: "no language" } });
  });

  test("is nothing to serve", () => {
    assert.deepEqual(
      registry.versions().map((version) => version.key),
      ["m/1"],
    );
  });
});

describe("the status of a version", () => {
  test("is loading at first", () => {
    assert.deepEqual(registryOf("1").registry.find("m", "1").status, { state: "loading" });
  });

  test("is what was reported last, and listeners hear of each report", () => {
    const { registry, versions } = registryOf("1");
    const heard: string[] = [];
    registry.onStatus((entry) => heard.push(`${entry.name}/${entry.versionNumber} ${entry.status.state}`));
    registry.setStatus(versions[0] as ModelVersion, READY);
    registry.setStatus(versions[0] as ModelVersion, { state: "unavailable", signature: null, reason: "it died" });
    assert.deepEqual([heard, registry.find("m", "1").status.state], [["m/1 ready", "m/1 unavailable"], "unavailable"]);
  });

  test("of another version object with the same key is not taken", () => {
    const { registry } = registryOf("1");
    registry.setStatus(modelVersion({ name: "m" }, "1"), READY);
    assert.equal(registry.find("m", "1").status.state, "loading");
  });
});

test("what is put in is there under its name and number, and what is put there again replaces it in its entry", () => {
  const registry = new Registry({ versions: [], broken: [] });
  registry.put("m", "2", null, { state: "failed", reason: "no" });
  const entry = registry.entry("m", "2");
  const version = modelVersion({ name: "m" }, "2");
  registry.put("m", "2", version, READY);
  assert.deepEqual([registry.entries(), registry.entry("m", "1")], [[entry], undefined]);
  assert.deepEqual([entry?.version, entry?.status], [version, READY]);
});

describe("a registry is settled", () => {
  test("once no version is loading any more, ready or failed", () => {
    const { registry, versions } = registryOf("1", "2");
    registry.setStatus(versions[0] as ModelVersion, READY);
    const before = registry.settled;
    registry.setStatus(versions[1] as ModelVersion, { state: "failed", reason: "no" });
    assert.deepEqual([before, registry.settled], [false, true]);
  });

  test("at once where nothing is to be loaded", () => {
    assert.equal(new Registry({ versions: [], broken: [{ name: "m", version: "1", reason: "no" }] }).settled, true);
  });
});
