// Writes a whole RESULT frame. Small ones go into memory that is used again and again. PROTOCOL.md, section 5.
import { HEADER_BYTES, TYPE } from "./frames.mjs";

const REUSED_BYTES = 64 * 1024;
const BODY_WORD = HEADER_BYTES / 4;
const FIRST_WORDS = 4;
const DESCRIPTOR_WORDS = 5;
const MAX_WORD = 0x7fffffff;

/**
 * @typedef {{datatype: number, shape: number[], bytes: Uint8Array}} WireOutput an output as it goes on the wire
 *
 * @typedef {object} Answer
 * @property {WireOutput[]} outputs in the order of the signature
 * @property {ArrayLike<number>} segments rows of each segment
 * @property {object[] | null} errors of failed segments
 */

/** The answer's body would be longer than the host takes. */
export class ResultTooLarge extends Error {}

export class ResultWriter {
  #reused = Buffer.allocUnsafeSlow(REUSED_BYTES);
  #reusedWords = new Uint32Array(this.#reused.buffer);
  /** The frame that `write` made is the first `length` bytes of `memory`; both hold until the next call. */
  memory = this.#reused;
  length = 0;

  /**
   * @param {number} idLow @param {number} idHigh @param {Answer} answer @param {number} maxFrame
   * @throws {ResultTooLarge}
   */
  write(idLow, idHigh, answer, maxFrame) {
    const { outputs, segments, errors } = answer;
    const json = errors === null ? null : Buffer.from(JSON.stringify({ errors }));
    let wordCount = FIRST_WORDS + segments.length;
    for (const output of outputs) wordCount += DESCRIPTOR_WORDS + output.shape.length;
    const headerLength = (wordCount + (wordCount & 1)) * 4;
    let end = headerLength;
    for (const { bytes } of outputs) end = aligned(end) + bytes.length;
    if (json !== null) end = aligned(end) + json.length;
    if (end > maxFrame || end > MAX_WORD) throw new ResultTooLarge(`the answer has ${end} bytes, the limit is ${maxFrame}`);

    this.length = HEADER_BYTES + end;
    const reuse = this.length <= REUSED_BYTES;
    this.memory = reuse ? this.#reused : Buffer.allocUnsafeSlow(aligned(this.length));
    const words = reuse ? this.#reusedWords : new Uint32Array(this.memory.buffer);
    words[0] = end;
    words[1] = TYPE.RESULT;
    words[2] = idLow;
    words[3] = idHigh;
    this.#writeWords(words, headerLength, outputs, segments, json === null ? 0 : json.length);
    let at = headerLength;
    for (const { bytes } of outputs) at = this.#append(at, bytes);
    if (json !== null) this.#append(at, json);
  }

  /**
   * @param {Uint32Array} words @param {number} headerLength @param {WireOutput[]} outputs
   * @param {ArrayLike<number>} segments @param {number} jsonLength
   */
  #writeWords(words, headerLength, outputs, segments, jsonLength) {
    words[BODY_WORD] = headerLength;
    words[BODY_WORD + 1] = segments.length;
    words[BODY_WORD + 2] = outputs.length;
    words[BODY_WORD + 3] = jsonLength;
    let at = BODY_WORD + FIRST_WORDS;
    for (let i = 0; i < segments.length; i++) words[at++] = segments[i];
    for (let i = 0; i < outputs.length; i++) {
      const { datatype, shape, bytes } = outputs[i];
      words[at] = i;
      words[at + 1] = datatype;
      words[at + 2] = 0;
      words[at + 3] = bytes.length;
      words[at + 4] = shape.length;
      at += DESCRIPTOR_WORDS;
      for (let d = 0; d < shape.length; d++) words[at++] = shape[d];
    }
    if (at & 1) words[at] = 0;
  }

  /** @param {number} at body offset where the last part ended @param {Uint8Array} bytes @returns {number} where this one ends */
  #append(at, bytes) {
    const start = aligned(at);
    for (let gap = at; gap < start; gap++) this.memory[HEADER_BYTES + gap] = 0;
    this.memory.set(bytes, HEADER_BYTES + start);
    return start + bytes.length;
  }
}

/** @param {number} offset */
function aligned(offset) {
  return (offset + 7) & ~7;
}
