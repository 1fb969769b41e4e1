// From what the model gave back to the wire, compiled from the signature: typed arrays, {data, shape}, nested arrays, single values.
import { BYTES_CODE, codeOf, FIXED_BY_NAME } from "./datatypes.mjs";
import { elementWriter, show } from "./elements.mjs";
import { Fault } from "./errors.mjs";
import { derivedShape, fittedShape, listShape } from "./shapes.mjs";

/**
 * @typedef {import("./signature.mjs").TensorSpec} TensorSpec
 * @typedef {import("./elements.mjs").Element} Element
 * @typedef {import("./result.mjs").WireOutput} WireOutput
 * @typedef {import("./datatypes.mjs").TypedArray} TypedArray
 */

/** @type {number[]} */
const SCALAR = [];

/** Writes one output of the signature. */
export class OutputWriter {
  #array;
  #write;
  #code;

  /**
   * @param {TensorSpec} spec
   * @param {string | null} contentType
   */
  constructor(spec, contentType) {
    this.spec = spec;
    this.#array = FIXED_BY_NAME.get(spec.datatype)?.array ?? null;
    this.#code = /** @type {number} */ (codeOf(spec.datatype));
    this.#write = elementWriter(spec, contentType);
  }

  /**
   * @param {unknown} value
   * @param {number} rows that dimension 0 must have; -1 when they are not counted
   * @returns {WireOutput}
   * @throws {Fault} INVALID_OUTPUT
   */
  write(value, rows) {
    if (this.#isTypedArray(value)) return this.#bits(value, derivedShape(this.spec, value.length, rows), rows);
    if (isTensor(value)) return this.#tensor(value.data, value.shape, rows);
    /** @type {Element[]} */
    const elements = [];
    const shape = this.append(elements, value, null);
    return this.pack(elements, shape, rows);
  }

  /**
   * Appends the elements of a single value or of nested arrays.
   * @param {Element[]} elements
   * @param {unknown} value
   * @param {number | null} row for messages; null: the position in the array
   * @returns {number[]} the value's shape
   * @throws {Fault} INVALID_OUTPUT
   */
  append(elements, value, row) {
    if (!this.#isList(value)) {
      elements.push(this.#write(value, row ?? 0));
      return SCALAR;
    }
    const shape = listShape(value, (inner) => this.#isList(inner));
    this.#appendLevel(elements, value, shape, 0, row);
    return shape;
  }

  /** @param {Element[]} elements @param {ArrayLike<unknown>} list @param {number[]} shape @param {number} level @param {number | null} row */
  #appendLevel(elements, list, shape, level, row) {
    const innermost = level === shape.length - 1;
    for (let i = 0; i < list.length; i++) {
      const value = list[i];
      const at = row ?? i;
      if (innermost) elements.push(this.#write(value, at));
      else if (this.#isList(value) && value.length === shape[level + 1]) this.#appendLevel(elements, value, shape, level + 1, at);
      else throw new Fault("INVALID_OUTPUT", `output ${this.spec.name}, row ${at}: ${show(value)} in an array of shape [${shape}]`);
    }
  }

  /** @param {Element[]} elements that this writer made @param {number[]} shape @param {number} rows @returns {WireOutput} */
  pack(elements, shape, rows) {
    const TypedArray = this.#array;
    const fitted = fittedShape(this.spec, shape, rows);
    if (TypedArray === null) return { datatype: BYTES_CODE, shape: fitted, bytes: packBytes(/** @type {(string | Uint8Array)[]} */ (elements)) };
    const data = new TypedArray(elements.length);
    for (let i = 0; i < elements.length; i++) data[i] = /** @type {number} */ (elements[i]);
    return { datatype: this.#code, shape: fitted, bytes: bytesOf(data) };
  }

  /** @param {unknown} data @param {ArrayLike<number>} given @param {number} rows */
  #tensor(data, given, rows) {
    const { name } = this.spec;
    const shape = Array.from(given);
    let count = 1;
    for (const dimension of shape) {
      if (!Number.isInteger(dimension) || dimension < 0) throw new Fault("INVALID_OUTPUT", `output ${name} has the shape [${shape}]`);
      count *= dimension;
    }
    if (!this.#isTypedArray(data) && !Array.isArray(data)) throw new Fault("INVALID_OUTPUT", this.#wrongType(data));
    if (data.length !== count) throw new Fault("INVALID_OUTPUT", `output ${name} has ${data.length} elements, its shape [${shape}] ${count}`);
    if (this.#isTypedArray(data)) return this.#bits(data, shape, rows);
    const perRow = shape.length === 0 ? 1 : count / shape[0];
    const elements = data.map((value, i) => this.#write(value, Math.floor(i / perRow)));
    return this.pack(elements, shape, rows);
  }

  /** A typed array says its data type itself; it is not cast. @param {TypedArray} data @param {number[]} shape @param {number} rows */
  #bits(data, shape, rows) {
    if (this.spec.datatype === "BOOL") for (let i = 0; i < data.length; i++) this.#write(data[i], i);
    return { datatype: this.#code, shape: fittedShape(this.spec, shape, rows), bytes: bytesOf(data) };
  }

  /** @param {unknown} value @returns {value is TypedArray} */
  #isTypedArray(value) {
    const TypedArray = this.#array;
    if (TypedArray === null) return false;
    if (value instanceof TypedArray || (value instanceof Uint8ClampedArray && this.spec.datatype === "UINT8")) return true;
    if (ArrayBuffer.isView(value)) throw new Fault("INVALID_OUTPUT", this.#wrongType(value));
    return false;
  }

  /** Of BYTES a Uint8Array is an element. @param {unknown} value @returns {value is ArrayLike<unknown>} */
  #isList(value) {
    return Array.isArray(value) || (this.#array !== null && value instanceof this.#array);
  }

  /** @param {unknown} value */
  #wrongType(value) {
    const { name, datatype } = this.spec;
    return `output ${name} is ${show(value)}; ${datatype} is ${this.#array === null ? "an array of strings or Buffers" : `a ${this.#array.name} or an array of numbers`}`;
  }
}

/** @param {unknown} value @returns {value is {data: unknown, shape: ArrayLike<number>}} */
export function isTensor(value) {
  return typeof value === "object" && value !== null && "data" in value && "shape" in value && Array.isArray(value.shape);
}

/** @param {TypedArray} data */
function bytesOf(data) {
  return new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
}

/** @param {(string | Uint8Array)[]} elements @returns {Buffer} each with its length before it */
function packBytes(elements) {
  let length = 0;
  for (const element of elements) length += 4 + (typeof element === "string" ? Buffer.byteLength(element) : element.length);
  const packed = Buffer.allocUnsafeSlow(length);
  let at = 0;
  for (const element of elements) {
    const start = at + 4;
    if (typeof element === "string") at = start + packed.write(element, start);
    else {
      packed.set(element, start);
      at = start + element.length;
    }
    packed.writeUInt32LE(at - start, start - 4);
  }
  return packed;
}
