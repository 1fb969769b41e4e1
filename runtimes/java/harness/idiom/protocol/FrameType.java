// The frame types of PROTOCOL.md, section 3.
package idiom.protocol;

/** What a frame is; the code is its byte on the wire. */
public enum FrameType {
  HELLO(0x01),
  INIT(0x02),
  LOADED(0x03),
  BIND(0x04),
  READY(0x05),
  FAILED(0x06),
  LOG(0x07),
  CANCEL(0x08),
  PING(0x09),
  PONG(0x0A),
  DRAIN(0x0B),
  BYE(0x0C),
  INFER(0x10),
  RESULT(0x11),
  ERROR(0x12);

  private static final FrameType[] BY_CODE = new FrameType[ERROR.code + 1];

  static {
    for (FrameType type : values()) BY_CODE[type.code] = type;
  }

  final int code;

  FrameType(int code) {
    this.code = code;
  }

  /** The type with this code. */
  static FrameType of(int code) throws Violation {
    FrameType type = code < BY_CODE.length ? BY_CODE[code] : null;
    if (type == null) throw new Violation("there is no frame type " + code);
    return type;
  }
}
