import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { Capacity, type SeatHolder } from "../../../../workers/pool/capacity.ts";

const nobody = (): void => {};

/** Somebody with an instance to spare for so long. */
function holder(spareForMs: number | null): SeatHolder & { gaveWay: number } {
  return {
    spareForMs,
    gaveWay: 0,
    giveWay() {
      this.gaveWay++;
    },
  };
}

describe("a node has room", () => {
  test("without bounds for any number", () => {
    const capacity = new Capacity({ maxInstances: null, maxMemoryBytes: null });
    for (let i = 0; i < 100; i++) assert.ok(capacity.take(2 ** 40, nobody));
  });

  test("for as many instances as it may run", () => {
    const capacity = new Capacity({ maxInstances: 2, maxMemoryBytes: null });
    assert.deepEqual([capacity.take(1, nobody), capacity.take(1, nobody), capacity.take(1, nobody)], [true, true, false]);
    assert.equal(capacity.full, "this node has no room for a further instance (instances.max: 2 of 2 run)");
  });

  test("for as much memory as it may promise", () => {
    const capacity = new Capacity({ maxInstances: null, maxMemoryBytes: 100 });
    assert.deepEqual([capacity.take(60, nobody), capacity.take(60, nobody), capacity.take(40, nobody)], [true, false, true]);
    assert.equal(capacity.full, "this node has no room for a further instance (instances.memory: 100 of 100 bytes are promised)");
  });
});

describe("where there is no room", () => {
  test("whoever waits hears once when a seat is given back", async () => {
    const capacity = new Capacity({ maxInstances: 1, maxMemoryBytes: null });
    capacity.take(1, nobody);
    let heard = 0;
    const room = new Promise<void>((resolve) => {
      capacity.take(1, () => {
        heard++;
        resolve();
      });
    });
    capacity.release(1);
    await room;
    assert.ok(capacity.take(1, nobody));
    capacity.release(1);
    await new Promise(setImmediate);
    assert.equal(heard, 1);
  });

  test("one gives way at a time, until its seat is back", () => {
    const capacity = new Capacity({ maxInstances: 1, maxMemoryBytes: null });
    const spare = holder(50);
    capacity.join(spare);
    for (let i = 0; i < 10; i++) capacity.take(1, nobody);
    assert.equal(spare.gaveWay, 1);
    capacity.leave(spare);
    assert.ok(capacity.mayFit(1), "its seat is on its way");
    capacity.join(spare);
    capacity.release(1);
    capacity.take(1, nobody);
    capacity.take(1, nobody);
    assert.equal(spare.gaveWay, 2);
  });

  test("whoever has had an instance to spare for longest gives way", () => {
    const capacity = new Capacity({ maxInstances: 1, maxMemoryBytes: null });
    const holders = [holder(null), holder(5), holder(50), holder(20)];
    for (const one of holders) capacity.join(one);
    assert.ok(capacity.take(1, nobody));
    assert.ok(capacity.mayFit(1));
    capacity.take(1, nobody);
    assert.deepEqual(
      holders.map(({ gaveWay }) => gaveWay),
      [0, 0, 1, 0],
    );
  });

  test("there is none when nobody has one to spare", () => {
    const capacity = new Capacity({ maxInstances: 1, maxMemoryBytes: null });
    const gone = holder(10);
    capacity.join(gone);
    capacity.join(holder(null));
    capacity.leave(gone);
    capacity.take(1, nobody);
    assert.equal(capacity.mayFit(1), false);
  });
});
