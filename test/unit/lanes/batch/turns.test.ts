import assert from "node:assert/strict";
import { test } from "node:test";
import { setImmediate as turnOfTheLoop } from "node:timers/promises";
import { Turns } from "../../../../src/lanes/batch/turns.ts";

test("turns of a version come one after the other, in order; another version waits for none of them", async () => {
  const turns = new Turns();
  const had: string[] = [];
  const take = async (version: string, name: string): Promise<() => void> => {
    const over = await turns.take(version);
    had.push(name);
    return over;
  };
  const first = take("a", "first");
  const second = take("a", "second");
  const third = take("a", "third");
  (await take("b", "other"))();
  await turnOfTheLoop();
  assert.deepEqual(had, ["first", "other"]);
  const firstOver = await first;
  firstOver();
  await second;
  firstOver();
  await turnOfTheLoop();
  assert.deepEqual(had, ["first", "other", "second"]);
  (await second)();
  (await third)();
  (await take("a", "fourth"))();
  assert.deepEqual(had.slice(3), ["third", "fourth"]);
});
