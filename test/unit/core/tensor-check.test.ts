import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { misfit } from "../../../src/core/tensor-check.ts";
import { elements, float32 } from "../../support/bytes.ts";
import { spec, tensor } from "../../support/specs.ts";

const X = spec("x", "FP32", [-1, 2]);
const TEXT = spec("text", "BYTES", [-1]);

test("a tensor that fits to the last byte has nothing wrong with it", () => {
  assert.equal(misfit(X, tensor("FP32", [2, 2], float32(1, 2, 3, 4))), null);
  assert.equal(misfit(X, tensor("FP32", [0, 2], Buffer.alloc(0))), null);
  assert.equal(misfit(TEXT, tensor("BYTES", [3], elements("a", "", "ü"))), null);
});

describe("what does not fit is named with what was expected", () => {
  test("another data type", () => {
    assert.equal(misfit(X, tensor("INT32", [1, 2], Buffer.alloc(8))), "'x' is INT32 [1,2], the signature says FP32 [-1,2]");
  });

  test("another shape", () => {
    assert.equal(misfit(X, tensor("FP32", [2], float32(1, 2))), "'x' is FP32 [2], the signature says FP32 [-1,2]");
    assert.equal(misfit(X, tensor("FP32", [1, 3], float32(1, 2, 3))), "'x' is FP32 [1,3], the signature says FP32 [-1,2]");
  });

  test("bytes that are more or fewer than the shape says", () => {
    assert.equal(misfit(X, tensor("FP32", [1, 2], Buffer.alloc(7))), "'x' has 7 bytes, 8 by its shape");
    assert.equal(misfit(X, tensor("FP32", [1, 2], Buffer.alloc(9))), "'x' has 9 bytes, 8 by its shape");
  });

  test("elements of text that end too early, or before the bytes do", () => {
    const bytes = elements("a", "b");
    assert.equal(misfit(TEXT, tensor("BYTES", [3], bytes)), "the elements of 'text' do not fill its 10 bytes");
    assert.equal(misfit(TEXT, tensor("BYTES", [1], bytes)), "the elements of 'text' do not fill its 10 bytes");
    assert.equal(misfit(TEXT, tensor("BYTES", [2], bytes.subarray(0, 9))), "the elements of 'text' do not fill its 9 bytes");
  });

  test("a count of elements that no bytes could hold is refused without walking them", () => {
    assert.equal(misfit(TEXT, tensor("BYTES", [2 ** 32 - 1], elements("a"))), "the elements of 'text' do not fill its 5 bytes");
  });
});
