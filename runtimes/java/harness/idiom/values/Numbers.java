// Exact conversions between Java's number types and the data types.
package idiom.values;

import idiom.protocol.DataType;
import idiom.protocol.ErrorKind;
import idiom.protocol.Refusal;
import java.math.BigDecimal;
import java.math.BigInteger;

/** Nothing here rounds, but a float on its way to FP16 or BF16, whose native value it is. */
final class Numbers {
  private static final BigInteger UINT64_END = BigInteger.ONE.shiftLeft(64);

  private Numbers() {}

  /** The boxed class of a primitive; any other class itself. */
  static Class<?> boxed(Class<?> type) {
    if (type == boolean.class) return Boolean.class;
    if (type == byte.class) return Byte.class;
    if (type == short.class) return Short.class;
    if (type == int.class) return Integer.class;
    if (type == long.class) return Long.class;
    if (type == float.class) return Float.class;
    if (type == double.class) return Double.class;
    return type;
  }

  /** Whether every value of the boxed class {@code from} has an equal one in {@code to}. */
  static boolean widens(Class<?> from, Class<?> to) {
    if (from == to || to == Object.class) return true;
    if (from == Boolean.class) return false;
    if (to == Number.class) return true;
    if (to == Double.class) return from != Long.class;
    if (to == Float.class) return from == Byte.class || from == Short.class;
    if (from == Float.class || from == Double.class) return false;
    int bytes = integerBytes(to);
    return bytes > integerBytes(from);
  }

  private static int integerBytes(Class<?> type) {
    if (type == Byte.class) return Byte.BYTES;
    if (type == Short.class) return Short.BYTES;
    if (type == Integer.class) return Integer.BYTES;
    return type == Long.class ? Long.BYTES : 0;
  }

  /** The value as an object of a boxed class that it {@link #widens} to. */
  static Object widen(Object value, Class<?> to) {
    if (!(value instanceof Number number)) return value;
    if (to == Double.class) return number.doubleValue();
    if (to == Float.class) return number.floatValue();
    if (to == Long.class) return number.longValue();
    if (to == Integer.class) return number.intValue();
    if (to == Short.class) return number.shortValue();
    return value;
  }

  /**
   * The data type's own boxed value, equal to {@code value}.
   *
   * @throws Refusal INVALID_OUTPUT when there is none
   */
  static Object exact(DataType datatype, Object value) throws Refusal {
    switch (datatype) {
      case BOOL:
        if (value instanceof Boolean) return value;
        long bit = integer(datatype, value);
        if (bit != 0 && bit != 1) throw refuse(datatype, value);
        return bit == 1;
      case UINT8:
        return (short) within(datatype, value, 0, 0xff);
      case UINT16:
        return (int) within(datatype, value, 0, 0xffff);
      case UINT32:
        return within(datatype, value, 0, 0xffffffffL);
      case UINT64:
        return value instanceof Long bits ? bits : unsigned(datatype, value);
      case INT8:
        return (byte) within(datatype, value, Byte.MIN_VALUE, Byte.MAX_VALUE);
      case INT16:
        return (short) within(datatype, value, Short.MIN_VALUE, Short.MAX_VALUE);
      case INT32:
        return (int) within(datatype, value, Integer.MIN_VALUE, Integer.MAX_VALUE);
      case INT64:
        return integer(datatype, value);
      case FP64:
        return real(datatype, value);
      case FP32:
        return single(datatype, value);
      case FP16:
        return half(datatype, value);
      case BF16:
        return half(datatype, value);
      default:
        throw refuse(datatype, value);
    }
  }

  private static long within(DataType datatype, Object value, long min, long max) throws Refusal {
    long integer = integer(datatype, value);
    if (integer < min || integer > max) throw refuse(datatype, value);
    return integer;
  }

  private static long integer(DataType datatype, Object value) throws Refusal {
    if (value instanceof Long
        || value instanceof Integer
        || value instanceof Short
        || value instanceof Byte) {
      return ((Number) value).longValue();
    }
    try {
      return decimal(datatype, value).longValueExact();
    } catch (ArithmeticException e) {
      throw refuse(datatype, value);
    }
  }

  private static long unsigned(DataType datatype, Object value) throws Refusal {
    try {
      BigInteger integer = decimal(datatype, value).toBigIntegerExact();
      if (integer.signum() >= 0 && integer.compareTo(UINT64_END) < 0) return integer.longValue();
    } catch (ArithmeticException e) {
      // Refused below, as what is out of range.
    }
    throw refuse(datatype, value);
  }

  private static double real(DataType datatype, Object value) throws Refusal {
    if (value instanceof Double || value instanceof Float) return ((Number) value).doubleValue();
    BigDecimal decimal = decimal(datatype, value);
    double real = decimal.doubleValue();
    if (Double.isInfinite(real) || new BigDecimal(real).compareTo(decimal) != 0) {
      throw refuse(datatype, value);
    }
    return real;
  }

  private static float single(DataType datatype, Object value) throws Refusal {
    if (value instanceof Float single) return single;
    double real = real(datatype, value);
    float single = (float) real;
    if (single != real && !Double.isNaN(real)) throw refuse(datatype, value);
    return single;
  }

  private static float half(DataType datatype, Object value) throws Refusal {
    if (value instanceof Float single) return single;
    float single = single(datatype, value);
    float half =
        datatype == DataType.FP16
            ? Half.fromFp16(Half.toFp16(single))
            : Half.fromBf16(Half.toBf16(single));
    if (half != single && !Float.isNaN(single)) throw refuse(datatype, value);
    return single;
  }

  private static BigDecimal decimal(DataType datatype, Object value) throws Refusal {
    if (value instanceof BigDecimal decimal) return decimal;
    if (value instanceof BigInteger integer) return new BigDecimal(integer);
    if (value instanceof Double || value instanceof Float) {
      double real = ((Number) value).doubleValue();
      if (Double.isFinite(real)) return new BigDecimal(real);
    } else if (value instanceof Number number) {
      return BigDecimal.valueOf(number.longValue());
    }
    throw refuse(datatype, value);
  }

  private static Refusal refuse(DataType datatype, Object value) {
    String what =
        value instanceof Number || value instanceof Boolean
            ? value + ""
            : "a " + value.getClass().getSimpleName();
    return new Refusal(ErrorKind.INVALID_OUTPUT, what + " is no " + datatype);
  }
}
