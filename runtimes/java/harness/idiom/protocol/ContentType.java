// The content types of PROTOCOL.md, section 5; the order is that of the codes.
package idiom.protocol;

import java.util.Locale;

/** How a tensor's elements are to be understood. */
public enum ContentType {
  NONE,
  NP,
  PD,
  STR,
  BASE64,
  DATETIME;

  private static final ContentType[] BY_CODE = values();

  static ContentType of(int code) throws Violation {
    if (code < 0 || code >= BY_CODE.length) throw new Violation("there is no content type " + code);
    return BY_CODE[code];
  }

  /** The content type that a JSON body names; null is none. */
  public static ContentType named(Object name) throws Violation {
    if (name == null) return NONE;
    for (ContentType type : BY_CODE) {
      if (type != NONE && type.wireName().equals(name)) return type;
    }
    throw new Violation("there is no content type " + name);
  }

  /** The name in JSON bodies; null for none. */
  public String wireName() {
    return this == NONE ? null : name().toLowerCase(Locale.ROOT);
  }
}
