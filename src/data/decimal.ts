// Numbers straight from the bytes of a file: the doubles that Number() gives for their text, without the text.
import type { Piece } from "./rows.ts";

const MINUS = 0x2d;
const PLUS = 0x2b;
const POINT = 0x2e;
const ZERO = 0x30;
const SMALL_E = 0x65;
const CAPITAL_E = 0x45;

/** Powers of ten that are exact doubles. A whole number below 2^53 times or over one of them is rounded once, so to the nearest double. */
const POWERS = Float64Array.from({ length: 23 }, (_, power) => Number(`1e${power}`));
/** With one more digit it is still exact. */
const MAX_BEFORE_A_DIGIT = 900_719_925_474_098;

/** What the bytes [from, to) of a piece spell; NaN when that is no plain decimal, such as a missing value, an infinity, or anything with spaces. */
export function decimalAt(piece: Piece, from: number, to: number): number {
  const { bytes } = piece;
  let at = from;
  const negative = bytes[at] === MINUS;
  if (negative || bytes[at] === PLUS) at++;
  let mantissa = 0;
  let exact = true;
  let digits = 0;
  let point = -1;
  for (; at < to; at++) {
    const byte = bytes[at] as number;
    const digit = byte - ZERO;
    if (digit >= 0 && digit <= 9) {
      digits++;
      if (mantissa <= MAX_BEFORE_A_DIGIT) mantissa = 10 * mantissa + digit;
      else exact = false;
    } else if (byte === POINT && point === -1) point = digits;
    else break;
  }
  if (digits === 0) return Number.NaN;
  let power = point === -1 ? 0 : point - digits;
  if (at < to) {
    const exponent = exponentAt(bytes, at, to);
    if (exponent === null) return Number.NaN;
    power += exponent;
  }
  if (!exact || power > 22 || power < -22) return Number(piece.ascii(from, to));
  const value = power < 0 ? mantissa / (POWERS[-power] as number) : mantissa * (POWERS[power] as number);
  return negative ? -value : value;
}

/** The whole number that the bytes [from, to) spell, of at most 15 digits; NaN when they spell none. */
export function wholeNumberAt(bytes: Buffer, from: number, to: number): number {
  const negative = bytes[from] === MINUS;
  const first = negative ? from + 1 : from;
  if (to === first || to - first > 15) return Number.NaN;
  let value = 0;
  for (let at = first; at < to; at++) {
    const digit = (bytes[at] as number) - ZERO;
    if (digit < 0 || digit > 9) return Number.NaN;
    value = 10 * value + digit;
  }
  return negative ? 0 - value : value;
}

/** Null when there is none. One of very many digits is only about right, or infinite: far from any that the digits before it could make up for. */
function exponentAt(bytes: Buffer, from: number, to: number): number | null {
  if (bytes[from] !== SMALL_E && bytes[from] !== CAPITAL_E) return null;
  let at = from + 1;
  const negative = bytes[at] === MINUS;
  if (negative || bytes[at] === PLUS) at++;
  if (at >= to) return null;
  let exponent = 0;
  for (; at < to; at++) {
    const digit = (bytes[at] as number) - ZERO;
    if (digit < 0 || digit > 9) return null;
    exponent = 10 * exponent + digit;
  }
  return negative ? -exponent : exponent;
}
