// BF16, which JavaScript has no type for: the upper half of an FP32.

const words = new Uint32Array(1);
const float = new Float32Array(words.buffer);

/** @param {number} bits @returns {number} */
export function bf16ToNumber(bits) {
  words[0] = bits << 16;
  return float[0];
}

/** @param {number} value @returns {number} the bits of the nearest BF16, ties to even */
export function numberToBf16(value) {
  float[0] = value;
  if (Number.isNaN(value)) return (words[0] >>> 16) | 0x40;
  if (float[0] !== value) {
    // Rounding twice would be wrong near a tie. So first cut off towards zero and keep in the last bit that something is lost.
    if (Math.abs(float[0]) > Math.abs(value)) words[0] -= 1;
    words[0] |= 1;
  }
  return (words[0] + 0x7fff + ((words[0] >>> 16) & 1)) >>> 16;
}
