import assert from "node:assert/strict";
import { test } from "node:test";
import { formatShape, shapeFits } from "../../../src/core/signature.ts";

const FITS: readonly [declared: number[], shape: number[]][] = [
  [[3], [3]],
  [[-1], [0]],
  [[-1], [7]],
  [
    [-1, 4],
    [2, 4],
  ],
  [
    [-1, -1],
    [2, 9],
  ],
  [[], []],
  [[-1], [5, 1]],
  [[-1, 1], [5]],
  [[-1, -1], [5]],
  [[5], [5, 1]],
  [[5, 1], [5]],
];

const DOES_NOT_FIT: readonly [declared: number[], shape: number[]][] = [
  [[3], [4]],
  [
    [-1, 4],
    [2, 5],
  ],
  [[-1, 4], [4]],
  [[-1], [5, 2]],
  [[5], [4, 1]],
  [[5, 1], [4]],
  [[], [1]],
  [[-1], []],
  [[-1], [5, 1, 1]],
  [
    [-1, 1, 1],
    [5, 1],
  ],
];

for (const [declared, shape] of FITS) {
  test(`${formatShape(shape)} fits ${formatShape(declared)}`, () => {
    assert.equal(shapeFits(declared, shape), true);
  });
}

for (const [declared, shape] of DOES_NOT_FIT) {
  test(`${formatShape(shape)} does not fit ${formatShape(declared)}`, () => {
    assert.equal(shapeFits(declared, shape), false);
  });
}
