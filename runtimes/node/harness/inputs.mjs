// From the wire to what the model takes, compiled from the signature: whole tensors, and columns of which a cell is read at a time.
import { CONTENT_TYPES, FIXED_BY_NAME } from "./datatypes.mjs";
import { bytesReader, missingNumber, numberReader } from "./elements.mjs";
import { Fault } from "./errors.mjs";

/**
 * @typedef {import("./signature.mjs").TensorSpec} TensorSpec
 * @typedef {import("./infer.mjs").WireTensor} WireTensor
 * @typedef {{data: import("./datatypes.mjs").TypedArray | (Buffer | string | Date | null)[], shape: number[]}} Tensor
 * @typedef {(tensor: WireTensor) => Tensor} TensorReader
 * @typedef {(row: number, label: number) => unknown} Cells `label` is what messages call the row
 * @typedef {(tensor: WireTensor) => Cells} ColumnReader
 */

/**
 * Numbers are not copied: the typed array looks into the frame's body.
 * @param {TensorSpec} spec
 * @param {string | null} contentType of the signature
 * @returns {TensorReader}
 */
export function tensorReader(spec, contentType) {
  const datatype = FIXED_BY_NAME.get(spec.datatype);
  if (datatype !== undefined) {
    const TypedArray = datatype.array;
    return ({ body, offset, count, shape }) => ({ data: new TypedArray(body.buffer, body.byteOffset + offset, count), shape });
  }
  const readers = bytesReaders(spec, contentType, false);
  return ({ body, starts, contentType: code, count, shape }) => {
    const at = /** @type {Uint32Array} */ (starts);
    const read = readers[code];
    const data = new Array(count);
    for (let i = 0; i < count; i++) data[i] = read(body, at[i] + 4, at[i + 1], i);
    return { data, shape };
  };
}

/**
 * @param {TensorSpec} spec
 * @param {string | null} contentType of the signature
 * @returns {ColumnReader}
 */
export function columnReader(spec, contentType) {
  const datatype = FIXED_BY_NAME.get(spec.datatype);
  if (datatype !== undefined) return numberColumnReader(spec, datatype.array);
  const readers = bytesReaders(spec, contentType, true);
  return ({ body, starts, contentType: code }) => {
    const at = /** @type {Uint32Array} */ (starts);
    const read = readers[code];
    return (row, label) => read(body, at[row] + 4, at[row + 1], label);
  };
}

/** @param {TensorSpec} spec @param {import("./datatypes.mjs").TypedArrayClass} TypedArray @returns {ColumnReader} */
function numberColumnReader(spec, TypedArray) {
  const na = missingNumber(spec);
  const read = numberReader(spec);
  return ({ body, offset, count }) => {
    const data = new TypedArray(body.buffer, body.byteOffset + offset, count);
    if (read === null) return na === null ? (row) => data[row] : (row) => (data[row] === na ? null : data[row]);
    return (row) => (data[row] === na ? null : read(Number(data[row])));
  };
}

/** A reader for each content type that a request may give. @param {TensorSpec} spec @param {string | null} declared @param {boolean} inColumn */
function bytesReaders(spec, declared, inColumn) {
  return CONTENT_TYPES.map((contentType) => bytesReader(spec, contentType ?? declared, inColumn));
}

/**
 * @param {TensorSpec} spec
 * @param {WireTensor} tensor
 * @returns {number} rows of the column
 * @throws {Fault} INVALID_INPUT when it is no column
 */
export function columnRows(spec, { shape }) {
  if (shape.length === 1 || (shape.length === 2 && shape[1] === 1)) return shape[0];
  throw new Fault("INVALID_INPUT", `input ${spec.name} has the shape [${shape}]; a column has [n] or [n,1]`);
}
