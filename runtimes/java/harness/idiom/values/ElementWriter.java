// Writes one object as an element of an output.
package idiom.values;

import idiom.protocol.Bytes;
import idiom.protocol.ContentType;
import idiom.protocol.DataType;
import idiom.protocol.ErrorKind;
import idiom.protocol.Refusal;
import idiom.protocol.ResultBody;
import idiom.protocol.TensorSpec;
import java.nio.charset.StandardCharsets;
import java.time.LocalDateTime;
import java.time.OffsetDateTime;
import java.util.Base64;
import java.util.Optional;

/** Prepared for one output. */
final class ElementWriter {
  private final DataType datatype;
  private final ContentType contentType;

  /** What a missing value leaves as, prepared; null where there is no such thing. */
  private final Object missing;

  /**
   * @throws Refusal SIGNATURE when the output's na is no value of its data type
   */
  ElementWriter(TensorSpec spec) throws Refusal {
    datatype = spec.datatype();
    contentType = spec.contentType();
    missing = missingOf(spec);
  }

  private Object missingOf(TensorSpec spec) throws Refusal {
    if (spec.na() == null) return datatype.isFloat() ? Numbers.exact(datatype, Float.NaN) : null;
    if (datatype == DataType.BYTES && spec.na() instanceof String text) {
      return text.getBytes(StandardCharsets.UTF_8);
    }
    try {
      return Numbers.exact(datatype, spec.na());
    } catch (Refusal e) {
      throw new Refusal(
          ErrorKind.SIGNATURE,
          "output '" + spec.name() + "': na: " + spec.na() + " is no " + datatype);
    }
  }

  /**
   * The element in its final form: bytes, or the boxed number of the data type.
   *
   * @throws Refusal INVALID_OUTPUT without the output's name and the row
   */
  Object prepare(Object value) throws Refusal {
    if (value instanceof Optional<?> option) value = option.orElse(null);
    if (value == null) {
      if (missing == null) throw refuse("the value is missing and the signature gives no na");
      return missing;
    }
    return datatype == DataType.BYTES ? encode(value) : Numbers.exact(datatype, value);
  }

  /**
   * Writes what {@link #prepare} returned at {@code at}.
   *
   * @return where the next element goes
   */
  int put(Object element, ResultBody out, int at) throws Refusal {
    if (element instanceof byte[] bytes) return putBytes(bytes, out, at);
    out.reserve((long) at + datatype.size);
    putNumber(element, out.bytes(), at);
    return at + datatype.size;
  }

  private static int putBytes(byte[] element, ResultBody out, int at) throws Refusal {
    out.reserve((long) at + 4 + element.length);
    out.bytes().putInt(at, element.length);
    out.bytes().put(at + 4, element);
    return at + 4 + element.length;
  }

  private byte[] encode(Object value) throws Refusal {
    if (value instanceof byte[] raw) {
      return contentType == ContentType.BASE64 ? Base64.getEncoder().encode(raw) : raw;
    }
    if (value instanceof String text) return utf8(text);
    if (value instanceof Enum<?> constant) return utf8(constant.name());
    if (value instanceof OffsetDateTime dateTime) return utf8(DateTimes.format(dateTime));
    if (value instanceof LocalDateTime dateTime) return utf8(DateTimes.format(dateTime));
    throw refuse("a " + value.getClass().getSimpleName() + " is no BYTES");
  }

  private byte[] utf8(String text) throws Refusal {
    if (contentType == ContentType.BASE64) throw refuse("a String is no bytes for base64");
    byte[] encoded = text.getBytes(StandardCharsets.UTF_8);
    // getBytes turns half a surrogate pair into a question mark.
    if (hasSurrogate(text) && !new String(encoded, StandardCharsets.UTF_8).equals(text)) {
      throw refuse("the text has half a surrogate pair");
    }
    return encoded;
  }

  private static boolean hasSurrogate(String text) {
    for (int i = 0; i < text.length(); i++) {
      if (Character.isSurrogate(text.charAt(i))) return true;
    }
    return false;
  }

  private void putNumber(Object number, Bytes bytes, int at) {
    switch (datatype) {
      case BOOL:
        bytes.putByte(at, (byte) ((Boolean) number ? 1 : 0));
        break;
      case UINT8, INT8:
        bytes.putByte(at, ((Number) number).byteValue());
        break;
      case UINT16, INT16:
        bytes.putShort(at, ((Number) number).shortValue());
        break;
      case UINT32, INT32:
        bytes.putInt(at, ((Number) number).intValue());
        break;
      case UINT64, INT64:
        bytes.putLong(at, (Long) number);
        break;
      case FP16:
        bytes.putShort(at, Half.toFp16((Float) number));
        break;
      case BF16:
        bytes.putShort(at, Half.toBf16((Float) number));
        break;
      case FP32:
        bytes.putInt(at, Float.floatToRawIntBits((Float) number));
        break;
      default:
        bytes.putLong(at, Double.doubleToRawLongBits((Double) number));
    }
  }

  private static Refusal refuse(String message) {
    return new Refusal(ErrorKind.INVALID_OUTPUT, message);
  }
}
