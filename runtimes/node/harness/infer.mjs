// Reads the body of an INFER: the header's words, each checked before it is believed, and where every tensor lies. PROTOCOL.md, section 5.
import { BYTES_CODE, CONTENT_TYPES, SIZE_BY_CODE } from "./datatypes.mjs";
import { ProtocolViolation } from "./frames.mjs";

const MAX_WORD = 0x7fffffff;
const FIRST_WORDS = 4;
const DESCRIPTOR_WORDS = 5;

/**
 * @typedef {object} WireTensor
 * @property {number} index position in the signature's inputs
 * @property {number} datatype code
 * @property {number} contentType code; 0 = as the signature says
 * @property {number[]} shape
 * @property {number} count elements
 * @property {Buffer} body the whole body, which begins its memory
 * @property {number} offset of the data in the body, a multiple of 8
 * @property {Uint32Array | null} starts BYTES only: where each element begins in the body, and after the last where one more would
 *
 * @typedef {object} Infer
 * @property {Uint32Array} segments rows of each segment
 * @property {number} rows their sum, or -1 for "not counted"
 * @property {WireTensor[]} tensors
 */

/**
 * @param {Buffer} body at the start of its memory
 * @returns {Infer}
 * @throws {ProtocolViolation}
 */
export function readInfer(body) {
  if (body.length < FIRST_WORDS * 4) throw new ProtocolViolation("the body is too short for its four first words");
  const headerLength = body.readUInt32LE(0);
  if (headerLength % 8 !== 0 || headerLength < FIRST_WORDS * 4 || headerLength > body.length)
    throw new ProtocolViolation(`a header of ${headerLength} bytes in a body of ${body.length}`);
  const words = new Uint32Array(body.buffer, body.byteOffset, headerLength / 4);
  for (let i = 0; i < words.length; i++) if (words[i] > MAX_WORD) throw new ProtocolViolation(`word ${i} of the header is beyond 2^31 - 1`);
  const segmentCount = words[1];
  const tensorCount = words[2];
  if (words[3] !== 0) throw new ProtocolViolation("an INFER has no JSON block");
  if (segmentCount === 0 || FIRST_WORDS + segmentCount > words.length)
    throw new ProtocolViolation(`${segmentCount} segments in a header of ${headerLength} bytes`);

  const segments = words.subarray(FIRST_WORDS, FIRST_WORDS + segmentCount);
  const rows = countRows(segments);
  const tensors = [];
  let at = FIRST_WORDS + segmentCount;
  let end = headerLength;
  for (let i = 0; i < tensorCount; i++) {
    const rank = at + DESCRIPTOR_WORDS <= words.length ? words[at + 4] : words.length;
    if (at + DESCRIPTOR_WORDS + rank > words.length) throw new ProtocolViolation(`${tensorCount} tensors do not fit in the header`);
    const offset = (end + 7) & ~7;
    tensors.push(readTensor(body, words, at, offset, rows));
    end = offset + words[at + 3];
    at += DESCRIPTOR_WORDS + rank;
  }
  if (headerLength !== (at + (at & 1)) * 4) throw new ProtocolViolation(`a header of ${headerLength} bytes has ${at} words`);
  if (end !== body.length) throw new ProtocolViolation(`the last tensor ends at ${end} in a body of ${body.length} bytes`);
  return { segments, rows, tensors };
}

/** @param {Uint32Array} segments */
function countRows(segments) {
  if (segments.length === 1 && segments[0] === 0) return -1;
  let rows = 0;
  for (let i = 0; i < segments.length; i++) rows += segments[i];
  return rows;
}

/**
 * @param {Buffer} body @param {Uint32Array} words @param {number} at the descriptor's first word
 * @param {number} offset @param {number} rows
 * @returns {WireTensor}
 */
function readTensor(body, words, at, offset, rows) {
  const [index, datatype, contentType, byteLength, rank] = [words[at], words[at + 1], words[at + 2], words[at + 3], words[at + 4]];
  const shape = [];
  let count = 1;
  for (let i = 0; i < rank; i++) {
    const dimension = words[at + DESCRIPTOR_WORDS + i];
    shape.push(dimension);
    count *= dimension;
  }
  const size = SIZE_BY_CODE[datatype];
  if (size === undefined) throw new ProtocolViolation(`no data type has the code ${datatype}`);
  if (contentType >= CONTENT_TYPES.length) throw new ProtocolViolation(`no content type has the code ${contentType}`);
  if (rows >= 0 && shape[0] !== rows) throw new ProtocolViolation(`tensor ${index} has ${shape[0]} rows, its segments ${rows}`);
  if (offset + byteLength > body.length) throw new ProtocolViolation(`the data of tensor ${index} ends beyond the body`);
  if (size > 0 && byteLength !== count * size) throw new ProtocolViolation(`tensor ${index} has ${byteLength} bytes, by its shape ${count * size}`);
  const starts = datatype === BYTES_CODE ? walkElements(body, offset, byteLength, count) : null;
  return { index, datatype, contentType, shape, count, body, offset, starts };
}

/**
 * @param {Buffer} body @param {number} offset @param {number} byteLength @param {number} count
 * @returns {Uint32Array} where each element begins, its length word first, and where the data ends
 */
function walkElements(body, offset, byteLength, count) {
  // An element has at least its length: a count beyond that is a lie, and nothing is allocated for it.
  if (count * 4 > byteLength) throw new ProtocolViolation(`${byteLength} bytes cannot hold ${count} elements`);
  const starts = new Uint32Array(count + 1);
  const end = offset + byteLength;
  let at = offset;
  for (let i = 0; i < count; i++) {
    starts[i] = at;
    if (at + 4 > end) throw new ProtocolViolation(`the length of element ${i} is torn`);
    at += 4 + body.readUInt32LE(at);
    if (at > end) throw new ProtocolViolation(`element ${i} ends beyond its tensor`);
  }
  if (at !== end) throw new ProtocolViolation(`${end - at} bytes after the last element`);
  starts[count] = at;
  return starts;
}
