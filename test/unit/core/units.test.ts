import assert from "node:assert/strict";
import { test } from "node:test";
import { formatSize, parseDuration, parseSize } from "../../../src/core/units.ts";

const DURATIONS: Record<string, number> = { "500ms": 500, "0ms": 0, "30s": 30_000, "1.5s": 1500, "5m": 300_000, "1h": 3_600_000, "2 s": 2000 };
const SIZES: Record<string, number> = { "100B": 100, "512KiB": 524_288, "64MiB": 67_108_864, "1GiB": 1_073_741_824, "0.5GiB": 536_870_912 };
const NEITHER = ["", "30", "s", "-1s", "1 day", "1e3s", "30S", "1GB", "1gib", "30s ", "5constructor", "5toString"];

for (const [text, milliseconds] of Object.entries(DURATIONS)) {
  test(`the duration ${text} is ${milliseconds} ms`, () => {
    assert.equal(parseDuration(text), milliseconds);
  });
}

for (const [text, bytes] of Object.entries(SIZES)) {
  test(`the size ${text} is ${bytes} bytes`, () => {
    assert.equal(parseSize(text), bytes);
  });
}

for (const text of NEITHER) {
  test(`"${text}" is neither a duration nor a size`, () => {
    assert.deepEqual([parseDuration(text), parseSize(text)], [null, null]);
  });
}

test("a size is written in the largest unit that leaves at least one", () => {
  assert.deepEqual([0, 1023, 1024, 1.5 * 2 ** 20, 2 ** 30, 2 ** 41].map(formatSize), ["0B", "1023B", "1KiB", "1.5MiB", "1GiB", "2048GiB"]);
});
