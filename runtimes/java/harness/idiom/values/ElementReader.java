// Reads one element of a tensor as an object: a boxed number, text, bytes, a date-time, a constant.
package idiom.values;

import idiom.protocol.Bytes;
import idiom.protocol.ContentType;
import idiom.protocol.DataType;
import idiom.protocol.ErrorKind;
import idiom.protocol.Refusal;
import idiom.protocol.TensorSpec;
import java.nio.ByteBuffer;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;
import java.time.DateTimeException;
import java.time.LocalDateTime;
import java.time.OffsetDateTime;
import java.time.temporal.Temporal;
import java.util.Arrays;
import java.util.Base64;
import java.util.HashMap;
import java.util.LinkedHashSet;
import java.util.Map;
import java.util.Optional;
import java.util.Set;

/** Prepared for one input, one content type and one Java class. */
final class ElementReader {
  private enum Form {
    NUMBER,
    RAW,
    BASE64,
    TEXT,
    DATETIME,
    CONSTANT
  }

  private final DataType datatype;
  private final Form form;
  private final Class<?> target;
  private final boolean optional;
  private final Object na;
  private final Set<String> levels;
  private final Map<String, Object> constants;

  /**
   * @param target the class of the elements, boxed; Object for the signature's own
   * @param column whether it is one of a frame or of rows, where BYTES are text and may have levels
   * @throws Refusal SIGNATURE when elements of that class cannot be made; without the input's name
   */
  ElementReader(
      TensorSpec spec, ContentType contentType, Class<?> target, boolean optional, boolean column)
      throws Refusal {
    datatype = spec.datatype();
    this.target = target;
    this.optional = optional;
    form = formOf(contentType, column);
    na = naOf(spec);
    levels = column && spec.levels() != null ? new LinkedHashSet<>(spec.levels()) : null;
    constants = form == Form.CONSTANT ? constantsOf(target) : null;
  }

  private Form formOf(ContentType contentType, boolean column) throws Refusal {
    if (datatype != DataType.BYTES) {
      if (Numbers.widens(Numbers.boxed(datatype.nativeClass), target)) return Form.NUMBER;
    } else if (contentType == ContentType.BASE64) {
      if (target == byte[].class || target == Object.class) return Form.BASE64;
    } else if (target == byte[].class) {
      return Form.RAW;
    } else if (target == String.class) {
      return Form.TEXT;
    } else if (target == OffsetDateTime.class || target == LocalDateTime.class) {
      return Form.DATETIME;
    } else if (target.isEnum()) {
      return Form.CONSTANT;
    } else if (target == Object.class) {
      if (contentType == ContentType.DATETIME) return Form.DATETIME;
      return column || contentType == ContentType.STR ? Form.TEXT : Form.RAW;
    }
    String type =
        contentType == ContentType.NONE ? "" : " of content type " + contentType.wireName();
    throw new Refusal(
        ErrorKind.SIGNATURE, datatype + type + " does not fit " + target.getSimpleName());
  }

  private Object naOf(TensorSpec spec) throws Refusal {
    if (spec.na() == null) return null;
    try {
      if (datatype == DataType.BYTES) return ((String) spec.na()).getBytes(StandardCharsets.UTF_8);
      return Numbers.exact(datatype, spec.na());
    } catch (Refusal | ClassCastException e) {
      throw new Refusal(ErrorKind.SIGNATURE, "na: " + spec.na() + " is no " + datatype);
    }
  }

  private static Map<String, Object> constantsOf(Class<?> target) {
    Map<String, Object> constants = new HashMap<>();
    for (Object constant : target.getEnumConstants()) {
      constants.put(((Enum<?>) constant).name(), constant);
    }
    return constants;
  }

  /** Whether null may come out of {@link #read}. */
  boolean mayBeMissing() {
    return na != null && !datatype.isFloat();
  }

  /** The class of what {@link #read} returns, as far as it is one. */
  Class<?> elementClass() {
    if (target != Object.class) return target;
    switch (form) {
      case NUMBER:
        return Numbers.boxed(datatype.nativeClass);
      case TEXT:
        return String.class;
      case DATETIME:
        return Temporal.class;
      default:
        return byte[].class;
    }
  }

  /**
   * Reads the element that lies at {@code at}.
   *
   * @param length of a BYTES element
   * @throws Refusal INVALID_INPUT; without the input's name and the row
   */
  Object read(Bytes bytes, int at, int length) throws Refusal {
    Object value = isMissing(bytes, at, length) ? null : present(bytes, at, length);
    return optional ? Optional.ofNullable(value) : value;
  }

  private boolean isMissing(Bytes bytes, int at, int length) {
    if (datatype == DataType.BYTES) {
      byte[] text = (byte[]) na;
      return text != null && Arrays.equals(bytes.array(), at, at + length, text, 0, text.length);
    }
    // A missing float is NaN, which only an Optional shows in another way.
    if (datatype.isFloat()) return optional && isNaN(number(bytes, at));
    return na != null && na.equals(number(bytes, at));
  }

  private static boolean isNaN(Object number) {
    return Double.isNaN(((Number) number).doubleValue());
  }

  private Object present(Bytes bytes, int at, int length) throws Refusal {
    switch (form) {
      case NUMBER:
        Object number = number(bytes, at);
        if (datatype.isFloat() && number.equals(na)) number = notANumber();
        return Numbers.widen(number, target);
      case RAW:
        return Arrays.copyOfRange(bytes.array(), at, at + length);
      case BASE64:
        return base64(bytes, at, length);
      case TEXT:
        return text(bytes, at, length);
      case DATETIME:
        return dateTime(text(bytes, at, length));
      default:
        return constant(text(bytes, at, length));
    }
  }

  private Object notANumber() {
    return datatype == DataType.FP64 ? (Object) Double.NaN : (Object) Float.NaN;
  }

  private Object number(Bytes bytes, int at) {
    switch (datatype) {
      case BOOL:
        return bytes.getByte(at) != 0;
      case UINT8:
        return (short) (bytes.getByte(at) & 0xff);
      case UINT16:
        return bytes.getShort(at) & 0xffff;
      case UINT32:
        return bytes.getInt(at) & 0xffffffffL;
      case INT8:
        return bytes.getByte(at);
      case INT16:
        return bytes.getShort(at);
      case INT32:
        return bytes.getInt(at);
      case UINT64, INT64:
        return bytes.getLong(at);
      case FP16:
        return Half.fromFp16(bytes.getShort(at));
      case BF16:
        return Half.fromBf16(bytes.getShort(at));
      case FP32:
        return Float.intBitsToFloat(bytes.getInt(at));
      default:
        return Double.longBitsToDouble(bytes.getLong(at));
    }
  }

  private String text(Bytes bytes, int at, int length) throws Refusal {
    String text = new String(bytes.array(), at, length, StandardCharsets.UTF_8);
    // The constructor replaces what is no UTF-8; only such text is decoded a second time.
    if (text.indexOf('\uFFFD') >= 0) {
      try {
        StandardCharsets.UTF_8.newDecoder().decode(ByteBuffer.wrap(bytes.array(), at, length));
      } catch (CharacterCodingException e) {
        throw refuse("the text is not UTF-8");
      }
    }
    if (levels != null && !levels.contains(text)) {
      throw refuse("'" + text + "' is none of the levels " + levels);
    }
    return text;
  }

  private static byte[] base64(Bytes bytes, int at, int length) throws Refusal {
    try {
      return Base64.getDecoder().decode(Arrays.copyOfRange(bytes.array(), at, at + length));
    } catch (IllegalArgumentException e) {
      throw refuse("the text is not base64");
    }
  }

  private Object dateTime(String text) throws Refusal {
    Temporal value;
    try {
      value = DateTimes.parse(text);
    } catch (DateTimeException e) {
      throw refuse("'" + text + "' is no date and time of ISO 8601");
    }
    if (target != Object.class && target != value.getClass()) {
      throw refuse(
          "'" + text + "' has " + (value instanceof OffsetDateTime ? "an" : "no") + " offset");
    }
    return value;
  }

  private Object constant(String text) throws Refusal {
    Object constant = constants.get(text);
    if (constant == null) {
      throw refuse("'" + text + "' is no constant of " + target.getSimpleName());
    }
    return constant;
  }

  private static Refusal refuse(String message) {
    return new Refusal(ErrorKind.INVALID_INPUT, message);
  }
}
