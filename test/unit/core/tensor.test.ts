import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { byteLength, elementCount, skipBytesElements } from "../../../src/core/tensor.ts";
import { elements } from "../../support/bytes.ts";

test("a scalar has one element, and a dimension of 0 leaves none", () => {
  assert.equal(elementCount([]), 1);
  assert.equal(elementCount([3]), 3);
  assert.equal(elementCount([2, 3, 4]), 24);
  assert.equal(elementCount([2, 0, 4]), 0);
});

test("the byte length of numbers follows from data type and shape, that of BYTES does not", () => {
  assert.equal(byteLength("FP64", [2, 3]), 48);
  assert.equal(byteLength("BOOL", [7]), 7);
  assert.equal(byteLength("BF16", []), 2);
  assert.equal(byteLength("BYTES", [2]), null);
});

describe("walking BYTES elements", () => {
  const data = elements("a", "", "größe");

  test("ends behind the last of the elements that were asked for", () => {
    assert.equal(skipBytesElements(data, 0, 1), 5);
    assert.equal(skipBytesElements(data, 5, 1), 9);
    assert.equal(skipBytesElements(data, 0, 3), data.length);
  });

  test("of no elements stays where it is", () => {
    assert.equal(skipBytesElements(data, 5, 0), 5);
  });

  test("reads views that do not begin at the start of their buffer", () => {
    const shifted = Buffer.concat([Buffer.from([1, 2, 3]), data]).subarray(3);
    assert.equal(skipBytesElements(shifted, 0, 3), data.length);
  });

  test("says -1 when an element runs beyond the end", () => {
    assert.equal(skipBytesElements(data.subarray(0, -1), 0, 3), -1);
  });

  test("says -1 when a length prefix is torn", () => {
    assert.equal(skipBytesElements(data.subarray(0, 7), 0, 2), -1);
  });

  test("says -1 when more elements are asked for than there are", () => {
    assert.equal(skipBytesElements(data, 0, 4), -1);
  });

  test("is not led astray by a length of 4 GiB", () => {
    assert.equal(skipBytesElements(Buffer.from([0xff, 0xff, 0xff, 0xff, 1]), 0, 1), -1);
  });
});
