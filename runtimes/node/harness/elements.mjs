// One element of a tensor: JavaScript's value of a data type, in and out. PROTOCOL.md, section 7 "Values".
import { isUtf8 } from "node:buffer";
import { bf16ToNumber, numberToBf16 } from "./bf16.mjs";
import { formatDateTime, parseDateTime } from "./datetime.mjs";
import { Fault } from "./errors.mjs";

/**
 * @typedef {import("./signature.mjs").TensorSpec} TensorSpec
 * @typedef {number | bigint | string | Uint8Array} Element what the wire's data is made of
 * @typedef {(value: unknown, row: number) => Element} ElementWriter throws a Fault that names the row
 * @typedef {(body: Buffer, start: number, end: number, row: number) => Buffer | string | Date | null} BytesReader
 */

/** @type {Record<string, [min: number, max: number]>} */
const INTEGER_LIMITS = {
  INT8: [-0x80, 0x7f],
  INT16: [-0x8000, 0x7fff],
  INT32: [-0x80000000, 0x7fffffff],
  UINT8: [0, 0xff],
  UINT16: [0, 0xffff],
  UINT32: [0, 0xffffffff],
};
/** @type {Record<string, [min: bigint, max: bigint]>} */
const LONG_LIMITS = { INT64: [-(2n ** 63n), 2n ** 63n - 1n], UINT64: [0n, 2n ** 64n - 1n] };
const FLOATS = ["FP16", "FP32", "FP64", "BF16"];

/**
 * The value of a column's element that is missing, as its typed array has it.
 * @param {TensorSpec} spec
 * @returns {number | bigint | null} null when there is none; floating point needs none, it has NaN
 * @throws {Fault} SIGNATURE
 */
export function missingNumber({ name, datatype, na }) {
  if (na === null || FLOATS.includes(datatype)) return null;
  try {
    return datatype in LONG_LIMITS ? BigInt(na) : Number(BigInt(na));
  } catch {
    throw new Fault("SIGNATURE", `the na of ${name}, ${JSON.stringify(na)}, is no ${datatype}; in model.yaml write for example na: -1`);
  }
}

/**
 * @param {TensorSpec} spec of a type of fixed size
 * @returns {((element: number) => number | boolean) | null} makes a column's element; null when the array's own element serves
 */
export function numberReader({ datatype }) {
  if (datatype === "BOOL") return (element) => element !== 0;
  return datatype === "BF16" ? bf16ToNumber : null;
}

/**
 * @param {TensorSpec} spec of type BYTES
 * @param {string | null} contentType
 * @param {boolean} inColumn then it is text where nothing else is said
 * @returns {BytesReader}
 */
export function bytesReader(spec, contentType, inColumn) {
  const read = presentBytesReader(spec, contentType, inColumn);
  if (spec.na === null) return read;
  const na = Buffer.from(String(spec.na));
  return (body, start, end, row) => {
    const missing = end - start === na.length && body.compare(na, 0, na.length, start, end) === 0;
    return missing ? null : read(body, start, end, row);
  };
}

/** @param {TensorSpec} spec @param {string | null} contentType @param {boolean} inColumn @returns {BytesReader} */
function presentBytesReader(spec, contentType, inColumn) {
  if (contentType === "base64") return (body, start, end) => Buffer.from(body.toString("latin1", start, end), "base64");
  if (contentType === "datetime") {
    return (body, start, end, row) => {
      const text = body.toString("latin1", start, end);
      return parseDateTime(text) ?? refuse(spec, row, `${JSON.stringify(text)} is no ISO 8601 date`);
    };
  }
  if (contentType !== "str" && !inColumn) return (body, start, end) => body.subarray(start, end);
  const levels = spec.levels === null ? null : new Set(spec.levels);
  return (body, start, end, row) => {
    const text = body.toString("utf8", start, end);
    if (text.includes("\ufffd") && !isUtf8(body.subarray(start, end))) refuse(spec, row, "the bytes are no UTF-8 text");
    if (levels !== null && !levels.has(text)) refuse(spec, row, `${JSON.stringify(text)} is none of the levels ${JSON.stringify(spec.levels)}`);
    return text;
  };
}

/** @param {TensorSpec} spec @param {number} row @param {string} why @returns {never} */
function refuse(spec, row, why) {
  throw new Fault("INVALID_INPUT", `input ${spec.name}, row ${row}: ${why}`);
}

/**
 * @param {TensorSpec} spec
 * @param {string | null} contentType
 * @returns {ElementWriter}
 */
export function elementWriter(spec, contentType) {
  const { datatype } = spec;
  if (datatype === "BYTES") return bytesWriter(spec, contentType);
  if (datatype === "BOOL") return boolWriter(spec);
  if (datatype in LONG_LIMITS) return longWriter(spec, ...LONG_LIMITS[datatype]);
  if (datatype in INTEGER_LIMITS) return integerWriter(spec, ...INTEGER_LIMITS[datatype]);
  const write = floatWriter(spec);
  return datatype === "BF16" ? (value, row) => numberToBf16(write(value, row)) : write;
}

/** @param {TensorSpec} spec @returns {(value: unknown, row: number) => number} the typed array then rounds to nearest, ties to even */
function floatWriter(spec) {
  return (value, row) => {
    if (typeof value === "number") return value;
    if (value === null || value === undefined) return Number.NaN;
    if (typeof value === "bigint" && BigInt(Number(value)) === value) return Number(value);
    return reject(spec, row, value);
  };
}

/** @param {TensorSpec} spec @param {number} min @param {number} max @returns {ElementWriter} */
function integerWriter(spec, min, max) {
  const na = missingNumber(spec);
  return (value, row) => {
    if (typeof value === "number" && Number.isInteger(value) && value >= min && value <= max) return value;
    if (typeof value === "bigint" && value >= min && value <= max) return Number(value);
    return value === null || value === undefined ? (na ?? missing(spec, row)) : reject(spec, row, value);
  };
}

/** @param {TensorSpec} spec @param {bigint} min @param {bigint} max @returns {ElementWriter} */
function longWriter(spec, min, max) {
  const na = missingNumber(spec);
  return (value, row) => {
    if (value === null || value === undefined) return na ?? missing(spec, row);
    const long = typeof value === "number" && Number.isInteger(value) ? BigInt(value) : value;
    return typeof long === "bigint" && long >= min && long <= max ? long : reject(spec, row, value);
  };
}

/** @param {TensorSpec} spec @returns {ElementWriter} */
function boolWriter(spec) {
  const na = missingNumber(spec);
  return (value, row) => {
    if (value === true || value === 1) return 1;
    if (value === false || value === 0) return 0;
    return value === null || value === undefined ? (na ?? missing(spec, row)) : reject(spec, row, value);
  };
}

/** @param {TensorSpec} spec @param {string | null} contentType @returns {ElementWriter} */
function bytesWriter(spec, contentType) {
  const na = spec.na === null ? null : String(spec.na);
  return (value, row) => {
    if (value === null || value === undefined) return na ?? missing(spec, row);
    if (contentType === "datetime") {
      if (!(value instanceof Date)) return reject(spec, row, value);
      return Number.isNaN(value.getTime()) ? (na ?? missing(spec, row)) : formatDateTime(value);
    }
    if (typeof value !== "string" && !(value instanceof Uint8Array)) return reject(spec, row, value);
    if (contentType !== "base64") return value;
    return (typeof value === "string" ? Buffer.from(value) : Buffer.from(value.buffer, value.byteOffset, value.length)).toString("base64");
  };
}

/** @param {TensorSpec} spec @param {number} row @returns {never} */
function missing({ name, datatype }, row) {
  throw new Fault("INVALID_OUTPUT", `output ${name}, row ${row}: the value is missing, and ${datatype} has none; give ${name} an na in model.yaml`);
}

/** @param {TensorSpec} spec @param {number} row @param {unknown} value @returns {never} */
function reject({ name, datatype }, row, value) {
  throw new Fault("INVALID_OUTPUT", `output ${name}, row ${row}: ${show(value)} is no ${datatype}`);
}

/** @param {unknown} value what a message says of it: short, and without running its code */
export function show(value) {
  if (typeof value === "string") return JSON.stringify(value.length > 40 ? `${value.slice(0, 40)}...` : value);
  if (typeof value === "number" || typeof value === "boolean" || value === undefined || value === null) return String(value);
  if (typeof value === "bigint") return `${value}n`;
  if (typeof value === "function") return "a function";
  if (Array.isArray(value)) return `an array of ${value.length}`;
  return ArrayBuffer.isView(value) ? `a ${value.constructor.name}` : "an object";
}
