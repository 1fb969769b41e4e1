import assert from "node:assert/strict";
import { existsSync, readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { newApiKey } from "../../../src/config/api-key.ts";
import { type ApiKey, changeApiKeys, readApiKeys } from "../../../src/config/api-key-file.ts";
import { temporaryFolder } from "../../support/folders.ts";
import { idiomError } from "../../support/idiom-error.ts";

function key(name: string): ApiKey {
  const { id, hash } = newApiKey();
  return { id, name, role: "infer", models: null, hash, createdAt: new Date(0).toISOString(), requestsPerSecond: null, maxConcurrent: 3 };
}

test("keys are read as they were written, by the owner alone", (t) => {
  const path = join(temporaryFolder(t), "new", "keys.json");
  const [first, second] = [key("first"), key("second")];
  changeApiKeys(path, () => [first]);
  changeApiKeys(path, (keys) => [...keys, second]);
  assert.deepEqual(readApiKeys(path), [first, second]);
  assert.equal(statSync(path).mode & 0o777, 0o600);
  assert.deepEqual(readdirSync(join(path, "..")), ["keys.json"]);
});

test("where there is no file there are no keys", () => {
  assert.deepEqual(readApiKeys("/nowhere/keys.json"), []);
});

test("a change that fails leaves everything as it was", (t) => {
  const path = join(temporaryFolder(t), "keys.json");
  changeApiKeys(path, () => [key("first")]);
  const before = readFileSync(path, "utf8");
  const failing = (): ApiKey[] => {
    throw new Error("no");
  };
  assert.throws(() => changeApiKeys(path, failing), /^Error: no$/);
  assert.equal(readFileSync(path, "utf8"), before);
  assert.ok(!existsSync(`${path}.new`));
});

test("of two changes at once the second is refused", (t) => {
  const path = join(temporaryFolder(t), "keys.json");
  changeApiKeys(path, () => {
    assert.throws(() => changeApiKeys(path, (keys) => keys), idiomError("CONFIG_INVALID", /somebody else changes the keys right now/));
    return [key("first")];
  });
  assert.equal(readApiKeys(path).length, 1);
});

test("what is no file of keys is refused, with its path and the place", (t) => {
  const path = join(temporaryFolder(t), "keys.json");
  for (const [content, why] of [
    ["{", /JSON/],
    ["[]", /expected object/],
    [JSON.stringify({ keys: [{ ...key("a"), role: "root" }] }), /keys\[0\]\.role/],
    [JSON.stringify({ keys: [{ ...key("a"), secret: "x" }] }), /"secret"/],
  ] as const) {
    writeFileSync(path, content);
    assert.throws(
      () => readApiKeys(path),
      (error: Error) => error.message.includes(path) && why.test(error.message),
    );
  }
});
