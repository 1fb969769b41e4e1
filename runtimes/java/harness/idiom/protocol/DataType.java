// The data types of PROTOCOL.md, section 5, and the native Java element of each.
package idiom.protocol;

/** A data type on the wire. */
public enum DataType {
  BOOL(1, 1, boolean.class),
  UINT8(2, 1, short.class),
  UINT16(3, 2, int.class),
  UINT32(4, 4, long.class),
  UINT64(5, 8, long.class),
  INT8(6, 1, byte.class),
  INT16(7, 2, short.class),
  INT32(8, 4, int.class),
  INT64(9, 8, long.class),
  FP16(10, 2, float.class),
  FP32(11, 4, float.class),
  FP64(12, 8, double.class),
  BYTES(13, 0, byte[].class),
  BF16(14, 2, float.class);

  private static final DataType[] BY_CODE = new DataType[BF16.code + 1];

  static {
    for (DataType type : values()) BY_CODE[type.code] = type;
  }

  public final int code;

  /** Bytes of an element; 0 where elements differ. */
  public final int size;

  /** The element in Java: the smallest primitive that holds every value. */
  public final Class<?> nativeClass;

  DataType(int code, int size, Class<?> nativeClass) {
    this.code = code;
    this.size = size;
    this.nativeClass = nativeClass;
  }

  /** Whether a missing value is NaN. */
  public boolean isFloat() {
    return this == FP16 || this == FP32 || this == FP64 || this == BF16;
  }

  static DataType of(int code) throws Violation {
    DataType type = code >= 0 && code < BY_CODE.length ? BY_CODE[code] : null;
    if (type == null) throw new Violation("there is no data type " + code);
    return type;
  }
}
