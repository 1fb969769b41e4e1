// The socket on an inherited descriptor: reads into the decoder's memory, writes an answer with one system call.
import { writeSync } from "node:fs";
import { Socket } from "node:net";
import { FrameDecoder, ProtocolViolation } from "./frames.mjs";

/**
 * Who listens: frames as they come, and the violation that ends the stream.
 * @typedef {{onFrame: (frame: import("./frames.mjs").Frame) => void, onViolation: (violation: ProtocolViolation) => void}} Listener
 */

export class Transport {
  #descriptor;
  /** @type {Socket | null} */
  #socket = null;
  /** @type {FrameDecoder | null} */
  #decoder = null;

  /** @param {number} descriptor */
  constructor(descriptor) {
    this.#descriptor = descriptor;
  }

  /** @param {Listener} listener */
  start(listener) {
    const decoder = new FrameDecoder((frame) => listener.onFrame(frame));
    const socket = new Socket({
      fd: this.#descriptor,
      readable: true,
      writable: true,
      // No stream in between: it would allocate 64 KiB for each read and copy once more.
      onread: {
        buffer: () => decoder.space(),
        callback: (count) => {
          try {
            decoder.received(count);
          } catch (error) {
            if (!(error instanceof ProtocolViolation)) throw error;
            listener.onViolation(error);
            return false;
          }
          return true;
        },
      },
    });
    // End-of-file, EPIPE and ECONNRESET all mean that the host is gone, and nobody is left to tell.
    socket.on("end", () => process.exit(0));
    socket.on("error", () => process.exit(0));
    socket.resume();
    this.#decoder = decoder;
    this.#socket = socket;
  }

  /** @param {number} bytes */
  limitFrames(bytes) {
    if (this.#decoder !== null) this.#decoder.maxFrame = bytes;
  }

  /**
   * Writes a whole frame. Its memory may be used again afterwards.
   * @param {Buffer} memory @param {number} [length] how much of it is the frame
   */
  send(memory, length = memory.length) {
    const socket = /** @type {Socket} */ (this.#socket);
    const written = socket.writableLength === 0 ? this.#write(memory, length) : 0;
    if (written < length) socket.write(Buffer.from(memory.subarray(written, length)));
  }

  /**
   * Writes the last frame, then ends the process.
   * @param {Buffer} frame @param {number} status
   */
  finish(frame, status) {
    this.send(frame);
    const socket = /** @type {Socket} */ (this.#socket);
    if (socket.writableLength === 0) process.exit(status);
    socket.write("", () => process.exit(status));
  }

  /**
   * A direct write costs a third of the stream's. The descriptor does not block: what does not fit is left to the stream.
   * @param {Buffer} memory @param {number} length @returns {number} bytes written
   */
  #write(memory, length) {
    try {
      return writeSync(this.#descriptor, memory, 0, length);
    } catch (error) {
      if (/** @type {NodeJS.ErrnoException} */ (error).code === "EAGAIN") return 0;
      process.exit(0);
    }
  }
}
