// Frames to bytes and back. Knows no socket and no meaning of a frame.
import { FRAME, type FrameName, frameName, HEADER_BYTES, mostBytes, ProtocolViolation } from "./protocol.ts";

export interface Frame {
  readonly type: FrameName;
  readonly id: number;
  /** A view; valid until the consumer returns, unless it keeps the buffer itself. */
  readonly body: Buffer;
}

/** Writes a frame header at the start of `target`. ids are counted by the host and stay below 2^53. */
export function writeHeader(target: Buffer, type: FrameName, id: number, bodyLength: number): void {
  target.writeUInt32LE(bodyLength, 0);
  target.writeUInt32LE(FRAME[type], 4);
  target.writeUInt32LE(id % 2 ** 32, 8);
  target.writeUInt32LE(Math.floor(id / 2 ** 32), 12);
}

/** A whole frame with a JSON body. */
export function encodeJsonFrame(type: FrameName, id: number, json: object): Buffer {
  const text = JSON.stringify(json);
  const length = Buffer.byteLength(text);
  const frame = Buffer.allocUnsafe(HEADER_BYTES + length);
  writeHeader(frame, type, id, length);
  frame.write(text, HEADER_BYTES);
  return frame;
}

/**
 * Cuts a byte stream into frames. A frame that arrives whole within one chunk is a view on that chunk; one that arrives in
 * pieces is gathered once into a buffer of its exact size.
 */
export class FrameDecoder {
  readonly #maxFrame: number;
  readonly #onFrame: (frame: Frame) => void;
  readonly #header = Buffer.alloc(HEADER_BYTES);
  #headerFilled = 0;
  #body: Buffer | null = null;
  #bodyFilled = 0;

  constructor(maxFrame: number, onFrame: (frame: Frame) => void) {
    this.#maxFrame = maxFrame;
    this.#onFrame = onFrame;
  }

  /** Feeds the next bytes; frames are delivered before it returns. @throws ProtocolViolation */
  push(chunk: Buffer): void {
    let at = 0;
    while (at < chunk.length) {
      if (this.#body !== null) {
        at = this.#fillBody(chunk, at, this.#body);
        continue;
      }
      if (this.#headerFilled === 0 && chunk.length - at >= HEADER_BYTES) {
        const length = this.#checkHeader(chunk, at);
        const end = at + HEADER_BYTES + length;
        if (end <= chunk.length) {
          this.#deliver(chunk, at, chunk.subarray(at + HEADER_BYTES, end));
          at = end;
          continue;
        }
      }
      at = this.#fillHeader(chunk, at);
    }
  }

  #fillHeader(chunk: Buffer, at: number): number {
    const taken = chunk.copy(this.#header, this.#headerFilled, at, Math.min(chunk.length, at + HEADER_BYTES - this.#headerFilled));
    this.#headerFilled += taken;
    if (this.#headerFilled === HEADER_BYTES) {
      const length = this.#checkHeader(this.#header, 0);
      if (length === 0) {
        this.#headerFilled = 0;
        this.#deliver(this.#header, 0, Buffer.alloc(0));
      } else {
        this.#body = Buffer.allocUnsafe(length);
        this.#bodyFilled = 0;
      }
    }
    return at + taken;
  }

  #fillBody(chunk: Buffer, at: number, body: Buffer): number {
    const taken = chunk.copy(body, this.#bodyFilled, at);
    this.#bodyFilled += taken;
    if (this.#bodyFilled === body.length) {
      this.#body = null;
      this.#headerFilled = 0;
      this.#deliver(this.#header, 0, body);
    }
    return at + taken;
  }

  /** Returns the length of the body. Nothing is allocated before this has passed. */
  #checkHeader(bytes: Buffer, at: number): number {
    const length = bytes.readUInt32LE(at);
    const type = frameName(bytes[at + 4] as number);
    const most = type === undefined ? this.#maxFrame : mostBytes(type, this.#maxFrame);
    if (length > most) throw new ProtocolViolation(`a frame of ${length} bytes is beyond the limit of ${most}`);
    if (type === undefined) throw new ProtocolViolation(`unknown frame type 0x${(bytes[at + 4] as number).toString(16)}`);
    return length;
  }

  #deliver(header: Buffer, at: number, body: Buffer): void {
    const type = frameName(header[at + 4] as number) as FrameName;
    const id = header.readUInt32LE(at + 8) + header.readUInt32LE(at + 12) * 2 ** 32;
    this.#onFrame({ type, id, body });
  }
}
