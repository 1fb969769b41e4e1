import assert from "node:assert/strict";
import { test } from "node:test";
import { BatchShare } from "../../../../workers/pool/batch-share.ts";

/** Frames of `realtimeMs` and `batchMs` on a slot where both kinds always wait: the share of the time that rows of jobs got. */
function shareOf(floor: number, realtimeMs: number, batchMs: number): number {
  const share = new BatchShare(floor);
  let [batch, all] = [0, 0];
  while (all < 100_000) {
    if (share.isDue) {
      share.batchRan(batchMs);
      batch += batchMs;
      all += batchMs;
    } else {
      share.realtimeRan(realtimeMs);
      all += realtimeMs;
    }
  }
  return batch / all;
}

test("rows of jobs get their floor of the time, and no more, while realtime requests wait", () => {
  for (const floor of [0.05, 0.1, 0.5])
    for (const [realtimeMs, batchMs] of [
      [1, 20],
      [5, 5],
      [20, 1],
    ] as const) {
      const share = shareOf(floor, realtimeMs, batchMs);
      assert.ok(Math.abs(share - floor) < 0.02, `${floor}: ${share} with frames of ${realtimeMs} and ${batchMs} ms`);
    }
});

test("without a floor they wait for as long as realtime requests do", () => {
  assert.equal(shareOf(0, 1, 20), 0);
});

test("what was taken while nobody waited is owed to nobody", () => {
  const share = new BatchShare(0.1);
  share.batchRan(500);
  share.nobodyWaited();
  share.realtimeRan(1);
  assert.equal(share.isDue, true);
});
