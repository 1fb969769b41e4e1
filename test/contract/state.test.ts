// A model that keeps state: its calls run one by one, each exactly once.
import assert from "node:assert/strict";
import { contract, type Subject } from "../support/contract.ts";
import { assertSameTensor, tensor } from "../support/tensors.ts";

const CONCURRENT = 40;

function keepsState(subject: Subject): void {
  const { model, expect } = subject;
  const count = async (): Promise<bigint> => {
    const answer = await subject.server.client.infer(model, [tensor("x", "INT32", [0])]);
    const value = answer["count"]?.data.readBigInt64LE() ?? 0n;
    assertSameTensor(answer["count"], tensor("count", "INT64", [value], [1]));
    return value;
  };

  expect("state stays from call to call, and concurrent calls run once each and apart", async () => {
    assert.equal(await count(), 1n);
    assert.equal(await count(), 2n);
    const counts = await Promise.all(Array.from({ length: CONCURRENT }, count));
    assert.deepEqual(
      counts.map(Number).sort((a, b) => a - b),
      Array.from({ length: CONCURRENT }, (_, i) => i + 3),
    );
    const [frames, runs] = [
      await subject.server.metric("idiom_merged_requests_count", { model }),
      await subject.server.metric("idiom_merged_requests_sum", { model }),
    ];
    assert.deepEqual([frames, runs], [CONCURRENT + 2, CONCURRENT + 2]);
  });
}

contract({ keeps_state: keepsState });
