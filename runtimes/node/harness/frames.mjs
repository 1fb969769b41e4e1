// Frames: the 16-byte header, the incremental decoder and the JSON bodies. Knows no socket. PROTOCOL.md, sections 2 and 3.

export const TYPE = Object.freeze({
  HELLO: 0x01,
  INIT: 0x02,
  LOADED: 0x03,
  BIND: 0x04,
  READY: 0x05,
  FAILED: 0x06,
  LOG: 0x07,
  CANCEL: 0x08,
  PING: 0x09,
  PONG: 0x0a,
  DRAIN: 0x0b,
  BYE: 0x0c,
  INFER: 0x10,
  RESULT: 0x11,
  ERROR: 0x12,
});

export const HEADER_BYTES = 16;
export const DEFAULT_MAX_FRAME = 64 * 1024 * 1024;
const READ_BYTES = 64 * 1024;
/** @type {Set<number>} */
const KNOWN_TYPES = new Set(Object.values(TYPE));
const utf8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/** What the other side sent cannot be a frame of this protocol; the stream cannot be trusted any more. */
export class ProtocolViolation extends Error {}

/**
 * One frame. The id is kept as its two 32-bit halves: it is only compared and repeated, and a bigint per frame would cost more.
 * @typedef {{type: number, idLow: number, idHigh: number, body: Buffer}} Frame
 */

/** Turns bytes into frames. The reader puts bytes into `space()` and says how many with `received()`. */
export class FrameDecoder {
  #scratch = Buffer.allocUnsafeSlow(READ_BYTES);
  #header = Buffer.alloc(HEADER_BYTES);
  #headerFilled = 0;
  /** @type {Buffer | null} the body in progress; its missing rest is read straight into it */
  #body = null;
  #bodyFilled = 0;
  #onFrame;

  /** @param {(frame: Frame) => void} onFrame */
  constructor(onFrame) {
    this.maxFrame = DEFAULT_MAX_FRAME;
    this.#onFrame = onFrame;
  }

  /** Where the next bytes belong. @returns {Buffer} */
  space() {
    return this.#body === null ? this.#scratch : this.#body.subarray(this.#bodyFilled);
  }

  /**
   * @param {number} count how many bytes were put at the start of `space()`
   * @throws {ProtocolViolation}
   */
  received(count) {
    if (this.#body !== null) {
      this.#bodyFilled += count;
      if (this.#bodyFilled === this.#body.length) this.#finish(this.#body);
      return;
    }
    for (let at = 0; at < count; ) at = this.#parse(at, count);
  }

  /** @param {number} at @param {number} end @returns {number} where the next frame begins in the scratch memory */
  #parse(at, end) {
    if (this.#headerFilled < HEADER_BYTES) {
      const taken = Math.min(HEADER_BYTES - this.#headerFilled, end - at);
      for (let i = 0; i < taken; i++) this.#header[this.#headerFilled + i] = this.#scratch[at + i];
      this.#headerFilled += taken;
      at += taken;
      if (this.#headerFilled < HEADER_BYTES) return at;
    }
    // Each body gets memory of its own: the model may keep the arrays that look into it.
    const body = Buffer.allocUnsafeSlow(this.#checkedLength());
    const taken = Math.min(body.length, end - at);
    this.#scratch.copy(body, 0, at, at + taken);
    if (taken === body.length) this.#finish(body);
    else {
      this.#body = body;
      this.#bodyFilled = taken;
    }
    return at + taken;
  }

  #checkedLength() {
    const type = this.#header[4];
    if (!KNOWN_TYPES.has(type)) throw new ProtocolViolation(`no frame has the type ${type}`);
    const length = this.#header.readUInt32LE(0);
    if (length > this.maxFrame) throw new ProtocolViolation(`a body of ${length} bytes is beyond the limit of ${this.maxFrame}`);
    return length;
  }

  /** @param {Buffer} body */
  #finish(body) {
    const header = this.#header;
    this.#headerFilled = 0;
    this.#body = null;
    this.#onFrame({ type: header[4], idLow: header.readUInt32LE(8), idHigh: header.readUInt32LE(12), body });
  }
}

/**
 * @param {Buffer} body
 * @returns {Record<string, unknown>}
 * @throws {ProtocolViolation} when the body is no JSON object in UTF-8
 */
export function readJson(body) {
  let value;
  try {
    value = JSON.parse(utf8.decode(body));
  } catch (error) {
    throw new ProtocolViolation(`the body is no JSON: ${/** @type {Error} */ (error).message}`);
  }
  if (typeof value !== "object" || value === null || Array.isArray(value)) throw new ProtocolViolation("the body is no JSON object");
  return value;
}

/**
 * A whole frame with a JSON body.
 * @param {number} type @param {object} json @param {number} [idLow] @param {number} [idHigh]
 */
export function jsonFrame(type, json, idLow = 0, idHigh = 0) {
  const text = JSON.stringify(json);
  const length = Buffer.byteLength(text);
  const frame = Buffer.alloc(HEADER_BYTES + length);
  frame.writeUInt32LE(length, 0);
  frame[4] = type;
  frame.writeUInt32LE(idLow, 8);
  frame.writeUInt32LE(idHigh, 12);
  frame.write(text, HEADER_BYTES);
  return frame;
}
