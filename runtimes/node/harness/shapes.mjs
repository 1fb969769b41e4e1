// Shapes of outputs: what a value's shape is, and whether the signature admits it.
import { Fault } from "./errors.mjs";

const MAX_RANK = 32;

/** @typedef {import("./signature.mjs").TensorSpec} TensorSpec */

/**
 * The shape of nested arrays by their first elements.
 * @param {ArrayLike<unknown>} list
 * @param {(value: unknown) => value is ArrayLike<unknown>} isList
 */
export function listShape(list, isList) {
  const shape = [list.length];
  // The limit is for an array that contains itself.
  for (let value = list[0]; isList(value) && shape.length < MAX_RANK; value = value[0]) shape.push(value.length);
  return shape;
}

/**
 * The shape of a flat typed array: the declared one, its free dimension filled. If several are free, dimension 0 is the frame's rows.
 * @param {TensorSpec} spec
 * @param {number} length
 * @param {number} rows -1 when they are not counted
 * @returns {number[]}
 * @throws {Fault} INVALID_OUTPUT
 */
export function derivedShape(spec, length, rows) {
  const shape = spec.shape.slice();
  let known = 1;
  let free = -1;
  for (let i = 0; i < shape.length; i++) {
    if (shape[i] >= 0) known *= shape[i];
    else if (free < 0) free = i;
    else if (free === 0 && rows >= 0) {
      shape[0] = rows;
      known *= rows;
      free = i;
    } else throw new Fault("INVALID_OUTPUT", `output ${spec.name}: ${length} elements do not tell the shape [${spec.shape}]; return {data, shape}`);
  }
  if (free >= 0) {
    shape[free] = known === 0 ? 0 : length / known;
    known *= shape[free];
  }
  if (known !== length || !Number.isInteger(shape[free] ?? 0))
    throw new Fault("INVALID_OUTPUT", `output ${spec.name} has ${length} elements, which do not fill the shape [${spec.shape}]`);
  return shape;
}

/**
 * @param {TensorSpec} spec
 * @param {number[]} shape of the value
 * @param {number} rows that dimension 0 must have; -1 when they are not counted
 * @returns {number[]} as it goes on the wire, of the declared rank
 * @throws {Fault} INVALID_OUTPUT
 */
export function fittedShape(spec, shape, rows) {
  const fitted = toRank(shape, spec.shape);
  if (!admits(spec.shape, fitted)) throw new Fault("INVALID_OUTPUT", `output ${spec.name} has the shape [${shape}], the signature says [${spec.shape}]`);
  if (rows >= 0 && fitted[0] !== rows)
    throw new Fault("INVALID_OUTPUT", `output ${spec.name} has ${fitted[0] ?? "no"} rows for ${rows} rows of input; its shape is [${shape}]`);
  return fitted;
}

/**
 * [n] and [n,1] stand for each other, a single value for a tensor of one element, an empty array for a tensor without rows.
 * @param {number[]} shape @param {number[]} declared
 */
function toRank(shape, declared) {
  if (shape.length === declared.length) return shape;
  if (shape.length === 0) return declared.map(() => 1);
  if (shape.length === 2 && declared.length === 1 && shape[1] === 1) return [shape[0]];
  if (shape.length === 1 && declared.length === 2 && Math.abs(declared[1]) === 1) return [shape[0], 1];
  if (shape.length === 1 && shape[0] === 0) return declared.map((dimension, i) => (i === 0 ? 0 : Math.max(dimension, 0)));
  return shape;
}

/** @param {number[]} declared @param {number[]} shape */
function admits(declared, shape) {
  if (declared.length !== shape.length) return false;
  for (let i = 0; i < shape.length; i++) if (declared[i] >= 0 && declared[i] !== shape[i]) return false;
  return true;
}
