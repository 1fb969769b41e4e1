// JSON for control frames. Small and here because every class that is loaded before HELLO counts:
// a library would add a quarter to the start-up time.
package idiom.protocol;

import java.math.BigDecimal;
import java.nio.ByteBuffer;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * Values are Map, List, String, BigDecimal, Boolean and null; when writing, any Number that is
 * finite.
 */
public final class Json {
  private static final int DEEPEST = 64;

  private final String text;
  private int at;

  private Json(String text) {
    this.text = text;
  }

  /** Parses one object in UTF-8. */
  public static Map<String, Object> parse(byte[] bytes, int from, int length) throws Violation {
    String text;
    try {
      text =
          StandardCharsets.UTF_8
              .newDecoder()
              .decode(ByteBuffer.wrap(bytes, from, length))
              .toString();
    } catch (CharacterCodingException e) {
      throw new Violation("the body is not UTF-8");
    }
    Json parser = new Json(text);
    parser.skipSpace();
    if (parser.peek() != '{') throw new Violation("the body is no JSON object");
    Map<String, Object> object = parser.object(0);
    parser.skipSpace();
    if (parser.at < text.length()) throw parser.violation();
    return object;
  }

  /** Writes a value as JSON. */
  public static String write(Object value) {
    StringBuilder out = new StringBuilder();
    write(value, out);
    return out.toString();
  }

  private static void write(Object value, StringBuilder out) {
    if (value instanceof String string) {
      quote(string, out);
    } else if (value instanceof Map<?, ?> map) {
      String separator = "{";
      for (Map.Entry<?, ?> entry : map.entrySet()) {
        out.append(separator);
        quote((String) entry.getKey(), out);
        out.append(':');
        write(entry.getValue(), out);
        separator = ",";
      }
      out.append(map.isEmpty() ? "{}" : "}");
    } else if (value instanceof List<?> list) {
      String separator = "[";
      for (Object element : list) {
        out.append(separator);
        write(element, out);
        separator = ",";
      }
      out.append(list.isEmpty() ? "[]" : "]");
    } else {
      out.append(value);
    }
  }

  private static void quote(String string, StringBuilder out) {
    out.append('"');
    for (int i = 0; i < string.length(); i++) {
      char c = string.charAt(i);
      if (c == '"' || c == '\\') {
        out.append('\\').append(c);
      } else if (c < ' ' || isLoneSurrogate(string, i)) {
        String hex = Integer.toHexString(c);
        out.append("\\u").append("0000", 0, 4 - hex.length()).append(hex);
      } else {
        out.append(c);
      }
    }
    out.append('"');
  }

  // UTF-8 has no bytes for half a pair.
  private static boolean isLoneSurrogate(String string, int i) {
    char c = string.charAt(i);
    if (Character.isHighSurrogate(c)) {
      return i + 1 == string.length() || !Character.isLowSurrogate(string.charAt(i + 1));
    }
    return Character.isLowSurrogate(c)
        && (i == 0 || !Character.isHighSurrogate(string.charAt(i - 1)));
  }

  private Object value(int depth) throws Violation {
    if (depth > DEEPEST) throw new Violation("the body is JSON of more than 64 levels");
    skipSpace();
    switch (peek()) {
      case '{':
        return object(depth);
      case '[':
        return array(depth);
      case '"':
        return string();
      case 't':
        return word("true", Boolean.TRUE);
      case 'f':
        return word("false", Boolean.FALSE);
      case 'n':
        return word("null", null);
      default:
        return number();
    }
  }

  private Map<String, Object> object(int depth) throws Violation {
    Map<String, Object> object = new LinkedHashMap<>();
    at++;
    skipSpace();
    if (take('}')) return object;
    do {
      skipSpace();
      if (peek() != '"') throw violation();
      String key = string();
      skipSpace();
      expect(':');
      object.put(key, value(depth + 1));
      skipSpace();
    } while (take(','));
    expect('}');
    return object;
  }

  private List<Object> array(int depth) throws Violation {
    List<Object> array = new ArrayList<>();
    at++;
    skipSpace();
    if (take(']')) return array;
    do {
      array.add(value(depth + 1));
      skipSpace();
    } while (take(','));
    expect(']');
    return array;
  }

  private String string() throws Violation {
    at++;
    StringBuilder string = new StringBuilder();
    for (; ; ) {
      char c = peek();
      at++;
      if (c == '"') return string.toString();
      if (c < ' ') throw violation();
      string.append(c == '\\' ? escaped() : c);
    }
  }

  private char escaped() throws Violation {
    char c = peek();
    at++;
    switch (c) {
      case '"', '\\', '/':
        return c;
      case 'b':
        return '\b';
      case 'f':
        return '\f';
      case 'n':
        return '\n';
      case 'r':
        return '\r';
      case 't':
        return '\t';
      case 'u':
        int code = 0;
        for (int i = 0; i < 4; i++, at++) {
          int digit = Character.digit(peek(), 16);
          if (digit < 0) throw violation();
          code = code * 16 + digit;
        }
        return (char) code;
      default:
        throw violation();
    }
  }

  private BigDecimal number() throws Violation {
    int from = at;
    while (at < text.length() && "+-.0123456789eE".indexOf(text.charAt(at)) >= 0) at++;
    try {
      return new BigDecimal(text.substring(from, at));
    } catch (NumberFormatException e) {
      throw violation();
    }
  }

  private Object word(String word, Object value) throws Violation {
    if (!text.startsWith(word, at)) throw violation();
    at += word.length();
    return value;
  }

  private void skipSpace() {
    while (at < text.length() && " \t\r\n".indexOf(text.charAt(at)) >= 0) at++;
  }

  /** The next character; NUL, which JSON does not allow anywhere, at the end. */
  private char peek() {
    return at < text.length() ? text.charAt(at) : '\0';
  }

  private boolean take(char c) {
    if (peek() != c) return false;
    at++;
    return true;
  }

  private void expect(char c) throws Violation {
    if (!take(c)) throw violation();
  }

  private Violation violation() {
    return new Violation("the body is no JSON, from character " + at + " on");
  }
}
