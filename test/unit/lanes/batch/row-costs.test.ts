// How many rows a call gets, for models whose calls and rows cost this or that.
import assert from "node:assert/strict";
import { test } from "node:test";
import { RowCosts } from "../../../../src/lanes/batch/row-costs.ts";

const MOST = 4096;

/** The last of so many calls to a model whose calls cost `callMs` and `rowMs` for each row: its rows, and the longest call's ms. */
function settled(callMs: number, rowMs: number, calls = 30): { readonly rows: number; readonly longestMs: number } {
  const costs = new RowCosts();
  let longestMs = 0;
  for (let call = 0; call < calls; call++) {
    const rows = costs.rowsPerCall("m/1", MOST);
    const ms = callMs + rowMs * rows;
    longestMs = Math.max(longestMs, ms);
    costs.learn("m/1", rows, ms);
  }
  return { rows: costs.rowsPerCall("m/1", MOST), longestMs };
}

test("the first call has one row, and another version's calls change nothing of that", () => {
  const costs = new RowCosts();
  assert.deepEqual([costs.isKnown("m/1"), costs.rowsPerCall("m/1", MOST)], [false, 1]);
  costs.learn("other/1", 64, 1);
  assert.deepEqual([costs.isKnown("m/1"), costs.rowsPerCall("m/1", MOST)], [false, 1]);
});

test("a call gets the rows that run in 15 ms", () => {
  for (const [callMs, rowMs] of [
    [0, 1],
    [0.3, 0.1],
    [5, 0.05],
  ] as const) {
    const { rows, longestMs } = settled(callMs, rowMs);
    const ms = callMs + rowMs * rows;
    assert.ok(ms > 11 && ms < 17, `${callMs} and ${rowMs}: ${rows} rows, ${ms} ms`);
    assert.ok(longestMs < 25, `${callMs} and ${rowMs}: ${longestMs} ms`);
  }
});

test("cheap rows fill calls soon", () => {
  assert.equal(settled(0.3, 0.002, 15).rows, MOST);
});

test("some calls together have as many rows as a frame may have, but for less than one each", () => {
  for (const rowMs of [0.0041, 0.006, 0.011, 0.04]) {
    const { rows } = settled(0.3, rowMs);
    const calls = Math.floor(MOST / rows);
    assert.ok(MOST - calls * rows < calls, `${rowMs}: ${calls} calls of ${rows} rows`);
  }
});

test("a call that takes long by itself gets many rows all the same", () => {
  const { rows } = settled(40, 0.1);
  assert.ok(rows > 100 && rows < 700, String(rows));
});

test("a row that takes long is a call", () => {
  assert.equal(settled(0, 30).rows, 1);
  assert.equal(settled(1, 300).rows, 1);
  const costs = new RowCosts();
  assert.equal(costs.ms("m/1", 1), 0);
  costs.learn("m/1", 1, 30);
  assert.ok(Math.abs(costs.ms("m/1", 1) - 30) < 1e-9);
});
