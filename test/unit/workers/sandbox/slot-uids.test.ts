import assert from "node:assert/strict";
import { test } from "node:test";
import { SlotUids } from "../../../../workers/sandbox/slot-uids.ts";

test("no two processes that run have the same uid, and none has one of the machine's", () => {
  const uids = new SlotUids();
  const taken = Array.from({ length: 500 }, () => uids.take());
  assert.equal(new Set(taken).size, taken.length);
  for (const uid of taken) assert.ok(uid > 60_000 && uid < 2 ** 31);
});

test("what is released is free again, and when all are taken that is said", () => {
  const uids = new SlotUids();
  const all: number[] = [];
  assert.throws(() => {
    for (;;) all.push(uids.take());
  }, /all \d+ uids for models are in use/);
  uids.release(all[7] as number);
  assert.equal(uids.take(), all[7]);
});
