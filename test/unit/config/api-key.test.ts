import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { test } from "node:test";
import { newApiKey, parseApiKey } from "../../../src/config/api-key.ts";

test("a key names itself, and its hash is all that must be kept", () => {
  const { text, id, hash } = newApiKey();
  assert.match(text, /^idiom_[0-9A-Za-z]{8}_[0-9A-Za-z]{39}$/);
  assert.deepEqual(parseApiKey(text), { id, hash });
  assert.equal(hash, createHash("sha256").update(text).digest("hex"));
});

test("no two keys are the same", () => {
  assert.equal(new Set(Array.from({ length: 100 }, () => newApiKey().text)).size, 100);
});

test("one wrong letter is told from a key that is merely unknown", () => {
  const { text } = newApiKey();
  for (let at = 0; at < text.length; at++) {
    const wrong = text[at] === "a" ? "b" : "a";
    assert.equal(parseApiKey(text.slice(0, at) + wrong + text.slice(at + 1)), null, `letter ${at}`);
  }
  for (const cut of [text.slice(1), text.slice(0, -1), `${text}0`, ""]) assert.equal(parseApiKey(cut), null);
});
