import assert from "node:assert/strict";
import { describe, type TestContext, test } from "node:test";
import { BATCH_PRIORITY, type Invocation, type InvocationRequest } from "../../../../src/core/invocation.ts";
import { type FrameLimits, Line } from "../../../../src/lanes/realtime/line.ts";
import { invocation } from "../../../support/invocations.ts";

const MERGED: FrameLimits = { maxRows: 4, maxBytes: 1000 };
const ONE_BY_ONE: FrameLimits = { maxRows: null, maxBytes: Number.POSITIVE_INFINITY };

function lineOf(...invocations: Invocation[]): Line {
  const line = new Line();
  for (const waiting of invocations) line.push(waiting);
  return line;
}

/** A clock that stands still unless the test moves it. */
function clock(t: TestContext): { nowMs: number } {
  const time = { nowMs: 5_000 };
  t.mock.method(performance, "now", () => time.nowMs);
  return time;
}

describe("a version that is never merged", () => {
  test("gets one request a frame, in order of arrival", () => {
    const [a, b] = [invocation(), invocation()];
    const line = lineOf(a, b);
    assert.deepEqual([line.take(ONE_BY_ONE), line.take(ONE_BY_ONE), line.take(ONE_BY_ONE)], [[a], [b], []]);
  });

  test("gets a request whatever its size", () => {
    const big = invocation({ rows: 10_000, bytes: 2 ** 40 });
    assert.deepEqual(lineOf(big).take(ONE_BY_ONE), [big]);
  });
});

describe("what waits together", () => {
  test("runs together, in order of arrival", () => {
    const waiting = [invocation(), invocation(), invocation()];
    assert.deepEqual(lineOf(...waiting).take(MERGED), waiting);
  });

  test("fills a frame up to its limit of rows", () => {
    const waiting = [invocation({ rows: 2 }), invocation({ rows: 2 }), invocation({ rows: 1 })];
    const line = lineOf(...waiting);
    assert.deepEqual([line.take(MERGED), line.take(MERGED)], [waiting.slice(0, 2), waiting.slice(2)]);
  });

  test("fills a frame up to its limit of bytes", () => {
    const waiting = [invocation({ bytes: 500 }), invocation({ bytes: 500 }), invocation({ bytes: 1 })];
    const line = lineOf(...waiting);
    assert.deepEqual([line.take(MERGED), line.take(MERGED)], [waiting.slice(0, 2), waiting.slice(2)]);
  });

  test("is not overtaken by a smaller request that would still fit", () => {
    const [a, big, small] = [invocation({ rows: 2 }), invocation({ rows: 3 }), invocation({ rows: 1 })];
    const line = lineOf(a, big, small);
    assert.deepEqual([line.take(MERGED), line.take(MERGED)], [[a], [big, small]]);
  });

  test("runs apart where the merge keys differ", () => {
    const [a, b, c] = [invocation(), invocation({ mergeKey: "0:5;" }), invocation()];
    const line = lineOf(a, b, c);
    assert.deepEqual([line.take(MERGED), line.take(MERGED), line.take(MERGED)], [[a], [b], [c]]);
  });

  test("runs even where one request alone is beyond the limit of bytes", () => {
    const [big, next] = [invocation({ bytes: 5000 }), invocation()];
    const line = lineOf(big, next);
    assert.deepEqual([line.take(MERGED), line.take(MERGED)], [[big], [next]]);
  });
});

describe("a request that must run alone", () => {
  test("takes no company along", () => {
    const [alone, next] = [invocation(), invocation()];
    alone.alone = true;
    assert.deepEqual(lineOf(alone, next).take(MERGED), [alone]);
  });

  test("joins no frame of others", () => {
    const [first, alone, last] = [invocation(), invocation(), invocation()];
    alone.alone = true;
    const line = lineOf(first, alone, last);
    assert.deepEqual([line.take(MERGED), line.take(MERGED), line.take(MERGED)], [[first], [alone], [last]]);
  });
});

test("requests that share only each other's company do so, and nobody joins them", () => {
  const [first, second, third, stranger] = [invocation(), invocation(), invocation(), invocation()];
  const [piece, other] = [[first, second], [third]];
  for (const one of piece) one.company = piece;
  for (const one of other) one.company = other;
  const line = lineOf(first, second, third, stranger);
  assert.deepEqual([line.take(MERGED), line.take(MERGED), line.take(MERGED)], [piece, other, [stranger]]);
});

describe("priority", () => {
  test("goes before arrival", () => {
    const [low, normal, high] = [invocation({ priority: 2 }), invocation({ priority: 1 }), invocation({ priority: 0 })];
    const line = lineOf(low, normal, high);
    assert.deepEqual([line.take(ONE_BY_ONE), line.take(ONE_BY_ONE), line.take(ONE_BY_ONE)], [[high], [normal], [low]]);
  });

  test("does not keep requests from sharing a frame", () => {
    const [low, normal, high] = [invocation({ priority: 2 }), invocation({ priority: 1 }), invocation({ priority: 0 })];
    assert.deepEqual(lineOf(low, normal, high).take(MERGED), [high, normal, low]);
  });

  test("fills what a stopped queue leaves free from the next one", () => {
    const [high, tooBig, normal] = [invocation({ priority: 0, rows: 2 }), invocation({ priority: 0, rows: 3 }), invocation({ rows: 1 })];
    assert.deepEqual(lineOf(high, tooBig, normal).take(MERGED), [high, normal]);
  });

  test("of two requests that are equally urgent by age is the higher one's", (t) => {
    const time = clock(t);
    const normal = invocation();
    time.nowMs += 1000;
    const high = invocation({ priority: 0 });
    assert.deepEqual(lineOf(normal, high).take(ONE_BY_ONE), [high]);
  });

  test("grows by one with each second of waiting, so that nothing starves", (t) => {
    const time = clock(t);
    const low = invocation({ priority: 2 });
    time.nowMs += 3000;
    const high = invocation({ priority: 0 });
    assert.deepEqual(lineOf(low, high).take(ONE_BY_ONE), [low]);
  });

  test("has not grown a moment before", (t) => {
    const time = clock(t);
    const low = invocation({ priority: 2 });
    time.nowMs += 2999;
    const high = invocation({ priority: 0 });
    assert.deepEqual(lineOf(low, high).take(ONE_BY_ONE), [high]);
  });
});

describe("an abandoned request", () => {
  test("is not taken any more", () => {
    const [gone, kept] = [invocation(), invocation()];
    const line = lineOf(gone, kept);
    gone.abandon();
    assert.deepEqual(line.take(ONE_BY_ONE), [kept]);
  });

  test("leaves the counts at once", () => {
    const [gone, kept] = [invocation({ bytes: 7 }), invocation({ bytes: 5 })];
    const line = lineOf(gone, kept);
    gone.abandon();
    assert.deepEqual([line.requests, line.bytes], [1, 5]);
  });

  test("that was taken before changes no count", () => {
    const [taken, kept] = [invocation(), invocation({ bytes: 5 })];
    const line = lineOf(taken, kept);
    line.take(ONE_BY_ONE);
    taken.abandon();
    assert.deepEqual([line.requests, line.bytes], [1, 5]);
  });

  test("does not split the frame of those around it", () => {
    const [a, gone, b] = [invocation(), invocation({ rows: 4 }), invocation()];
    const line = lineOf(a, gone, b);
    gone.abandon();
    assert.deepEqual(line.take(MERGED), [a, b]);
  });
});

describe("what is put back", () => {
  test("comes before what waits, in the order that it had", () => {
    const waiting = [invocation(), invocation(), invocation()] as const;
    const line = lineOf(...waiting);
    const taken = [...line.take(ONE_BY_ONE), ...line.take(ONE_BY_ONE)];
    line.pushFront(taken);
    assert.deepEqual([line.take(ONE_BY_ONE), line.take(ONE_BY_ONE), line.take(ONE_BY_ONE)], [[waiting[0]], [waiting[1]], [waiting[2]]]);
  });

  test("keeps its order in an empty line", () => {
    const [a, b] = [invocation(), invocation()];
    const line = new Line();
    line.pushFront([a, b]);
    assert.deepEqual(line.take(MERGED), [a, b]);
  });

  test("goes to the front of its own priority only", () => {
    const [low, high] = [invocation({ priority: 2 }), invocation({ priority: 0 })];
    const line = lineOf(high);
    line.pushFront([low]);
    assert.deepEqual(line.take(ONE_BY_ONE), [high]);
  });

  test("is counted again", () => {
    const line = lineOf(invocation({ bytes: 7 }));
    line.pushFront(line.take(ONE_BY_ONE));
    assert.deepEqual([line.requests, line.bytes], [1, 7]);
  });

  test("may be abandoned like anything that waits", () => {
    const returned = invocation();
    const line = lineOf(returned);
    line.pushFront(line.take(ONE_BY_ONE));
    returned.abandon();
    assert.deepEqual([line.requests, line.take(ONE_BY_ONE)], [0, []]);
  });
});

describe("the counts", () => {
  test("are those of what waits", () => {
    const line = lineOf(invocation({ bytes: 3 }), invocation({ bytes: 4, priority: 0 }));
    assert.deepEqual([line.requests, line.bytes], [2, 7]);
  });

  test("are 0 again when everything was taken", () => {
    const line = lineOf(invocation(), invocation({ priority: 2 }));
    line.take(MERGED);
    assert.deepEqual([line.requests, line.bytes], [0, 0]);
  });

  test("are right after thousands of requests went through", () => {
    const line = new Line();
    for (let i = 0; i < 20_000; i++) {
      line.push(invocation());
      if (i % 2 === 1) line.take(ONE_BY_ONE);
    }
    assert.deepEqual([line.requests, line.bytes], [10_000, 100_000]);
  });

  test("and order survive thousands of requests that went through", () => {
    const line = new Line();
    const waiting = Array.from({ length: 20_000 }, () => invocation());
    for (const each of waiting) line.push(each);
    const taken: Invocation[] = [];
    while (line.requests > 0) taken.push(...line.take(MERGED));
    assert.ok(taken.every((each, i) => each === waiting[i]) && taken.length === waiting.length);
  });
});

test("draining hands out everything and leaves an empty line", () => {
  const [low, high, gone] = [invocation({ priority: 2 }), invocation({ priority: 0 }), invocation()];
  const line = lineOf(low, high, gone);
  gone.abandon();
  assert.deepEqual([line.drain(), line.requests, line.bytes], [[high, low], 0, 0]);
});

test("the oldest request is found across priorities", (t) => {
  const time = clock(t);
  const oldest = invocation({ priority: 2 });
  time.nowMs += 1;
  const line = lineOf(invocation({ priority: 0 }), oldest);
  assert.equal(line.oldest(), oldest);
});

test("an empty line has no oldest request and nothing to take", () => {
  const line = new Line();
  assert.deepEqual([line.oldest(), line.take(MERGED)], [null, []]);
});

describe("whether a frame would be full", () => {
  test("is always so where a frame is one request", () => {
    assert.equal(new Line().fills(ONE_BY_ONE), true);
  });

  test("is so from as many requests as rows on", () => {
    assert.equal(lineOf(invocation(), invocation(), invocation()).fills(MERGED), false);
    assert.equal(lineOf(invocation(), invocation(), invocation(), invocation()).fills(MERGED), true);
  });

  test("is so from as many bytes on", () => {
    assert.equal(lineOf(invocation({ bytes: 1000 })).fills(MERGED), true);
  });
});

describe("rows of jobs", () => {
  const batch = (rest: Partial<InvocationRequest> = {}): Invocation => invocation({ priority: BATCH_PRIORITY, ...rest });

  test("wait beside the requests, and are not counted among them", () => {
    const line = lineOf(invocation(), batch({ rows: 3 }), batch({ rows: 0 }));
    assert.deepEqual([line.requests, line.bytes, line.batchRows, line.isEmpty], [1, 10, 4, false]);
    line.drain();
    assert.deepEqual([line.requests, line.batchRows, line.isEmpty], [0, 0, true]);
  });

  test("get a frame when no request waits, or when it is their turn, and never share one", () => {
    const [call, rows] = [invocation(), batch()];
    assert.deepEqual(lineOf(rows, call).take(MERGED), [call]);
    assert.deepEqual(lineOf(call, rows).take(MERGED, true), [rows]);
    const line = lineOf(rows);
    assert.deepEqual([line.take(MERGED), line.take(MERGED, true)], [[rows], []]);
  });

  test("fill a frame when requests have not come for a second, and one call of them is a frame until then", (t) => {
    const time = clock(t);
    const [first, second, third] = [batch(), batch(), batch()];
    const line = lineOf(first, second, third, invocation());
    assert.equal(line.take(MERGED).length, 1);
    assert.deepEqual(line.take(MERGED), [first]);
    time.nowMs += 1001;
    assert.deepEqual(line.take(MERGED), [second, third]);
  });

  test("can leave without the requests", () => {
    const [call, rows] = [invocation(), batch()];
    const line = lineOf(call, rows);
    assert.deepEqual([line.drainBatch(), line.requests, line.batchRows], [[rows], 1, 0]);
  });
});
