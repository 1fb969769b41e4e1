// A tensor as it passes through the host: a shape and bytes that nobody here parses.
import { type ContentType, DATATYPES, type Datatype } from "./datatype.ts";

export interface Tensor {
  readonly datatype: Datatype;
  /** What the request says of BYTES elements; null: as the signature says. */
  readonly contentType: ContentType | null;
  readonly shape: readonly number[];
  /** Little-endian, row-major; BYTES elements are u32 length + bytes. */
  readonly data: Uint8Array;
}

/** Number of elements; 1 for a scalar. */
export function elementCount(shape: readonly number[]): number {
  let count = 1;
  for (let i = 0; i < shape.length; i++) count *= shape[i] as number;
  return count;
}

/** The exact byte length of a tensor of numbers; null for BYTES. */
export function byteLength(datatype: Datatype, shape: readonly number[]): number | null {
  const size = DATATYPES[datatype].size;
  return size === null ? null : size * elementCount(shape);
}

/**
 * Walks the length prefixes of `count` BYTES elements from `offset` on.
 * Returns the offset behind them, or -1 when an element runs beyond the end.
 */
export function skipBytesElements(data: Uint8Array, offset: number, count: number): number {
  const view = new DataView(data.buffer, data.byteOffset, data.byteLength);
  let at = offset;
  for (let i = 0; i < count; i++) {
    if (at + 4 > data.length) return -1;
    at += 4 + view.getUint32(at, true);
    if (at > data.length) return -1;
  }
  return at;
}
