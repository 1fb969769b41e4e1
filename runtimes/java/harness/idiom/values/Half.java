// FP16 and BF16 from and to float: exact on the way in, to nearest with ties to even on the way
// out.
package idiom.values;

/** Java 17 knows no half floats. NaN payloads survive both ways as far as their bits reach. */
final class Half {
  private Half() {}

  static float fromFp16(short bits) {
    int sign = (bits & 0x8000) << 16;
    int exponent = (bits >> 10) & 0x1f;
    int fraction = bits & 0x3ff;
    if (exponent == 0x1f) return Float.intBitsToFloat(sign | 0x7f800000 | fraction << 13);
    if (exponent != 0) return Float.intBitsToFloat(sign | (exponent + 112) << 23 | fraction << 13);
    float subnormal = fraction * 0x1p-24f;
    return sign == 0 ? subnormal : -subnormal;
  }

  static short toFp16(float value) {
    int bits = Float.floatToRawIntBits(value);
    int sign = (bits >>> 16) & 0x8000;
    int magnitude = bits & 0x7fffffff;
    if (magnitude > 0x7f800000) {
      int fraction = (magnitude >> 13) & 0x3ff;
      // A payload that lies in the lost bits alone must not turn the NaN into an infinity.
      return (short) (sign | 0x7c00 | (fraction == 0 ? 0x200 : fraction));
    }
    // From half way between the largest half and the next power of two on: infinity.
    if (magnitude >= 0x477ff000) return (short) (sign | 0x7c00);
    if (magnitude >= 0x38800000) {
      int rebased = magnitude - (112 << 23);
      return (short) (sign | (rebased + 0xfff + ((rebased >> 13) & 1)) >> 13);
    }
    // Subnormal: counted in units of 2^-24, exact in double, rounded by rint to even.
    return (short) (sign | (int) Math.rint(Float.intBitsToFloat(magnitude) * 0x1p24));
  }

  static float fromBf16(short bits) {
    return Float.intBitsToFloat(bits << 16);
  }

  static short toBf16(float value) {
    int bits = Float.floatToRawIntBits(value);
    if ((bits & 0x7fffffff) > 0x7f800000) {
      int upper = bits >>> 16;
      return (short) ((upper & 0x7f) == 0 ? upper | 0x40 : upper);
    }
    return (short) ((bits + 0x7fff + ((bits >>> 16) & 1)) >>> 16);
  }
}
