// The data types of the wire: codes, sizes and the typed array that holds each. PROTOCOL.md, sections 5 and 7.

/**
 * @typedef {Int8Array | Uint8Array | Int16Array | Uint16Array | Int32Array | Uint32Array | BigInt64Array | BigUint64Array
 *   | Float16Array | Float32Array | Float64Array} TypedArray
 * @typedef {{new (length: number): TypedArray, new (buffer: ArrayBufferLike, offset: number, length: number): TypedArray, name: string}} TypedArrayClass
 * @typedef {{name: string, code: number, size: number, array: TypedArrayClass}} Datatype `size` is that of one element in bytes
 */

/** @type {Datatype[]} */
const FIXED = [
  { name: "BOOL", code: 1, size: 1, array: Uint8Array },
  { name: "UINT8", code: 2, size: 1, array: Uint8Array },
  { name: "UINT16", code: 3, size: 2, array: Uint16Array },
  { name: "UINT32", code: 4, size: 4, array: Uint32Array },
  { name: "UINT64", code: 5, size: 8, array: BigUint64Array },
  { name: "INT8", code: 6, size: 1, array: Int8Array },
  { name: "INT16", code: 7, size: 2, array: Int16Array },
  { name: "INT32", code: 8, size: 4, array: Int32Array },
  { name: "INT64", code: 9, size: 8, array: BigInt64Array },
  { name: "FP16", code: 10, size: 2, array: Float16Array },
  { name: "FP32", code: 11, size: 4, array: Float32Array },
  { name: "FP64", code: 12, size: 8, array: Float64Array },
  { name: "BF16", code: 14, size: 2, array: Uint16Array },
];

export const BYTES_CODE = 13;
const BYTES_NAME = "BYTES";

/** Data types of fixed size by name. @type {ReadonlyMap<string, Datatype>} */
export const FIXED_BY_NAME = new Map(FIXED.map((datatype) => [datatype.name, datatype]));

/** Element size by code; 0 for BYTES, undefined for what is no code. @type {(number | undefined)[]} */
export const SIZE_BY_CODE = [];
/** @type {Map<string, number>} */
const CODES = new Map([[BYTES_NAME, BYTES_CODE]]);
SIZE_BY_CODE[BYTES_CODE] = 0;
for (const { name, code, size } of FIXED) {
  CODES.set(name, code);
  SIZE_BY_CODE[code] = size;
}

/** Content types by code; 0 means "as the signature says". @type {readonly (string | null)[]} */
export const CONTENT_TYPES = [null, "np", "pd", "str", "base64", "datetime"];

/** @param {string} name @returns {number | undefined} */
export function codeOf(name) {
  return CODES.get(name);
}

/** Names of all data types, for messages. */
export const DATATYPE_NAMES = [...CODES.keys()];
