// The body of FAILED and ERROR, and an entry in a RESULT's errors; PROTOCOL.md, section 6.
package idiom.protocol;

import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * @param type the exception's class, or null
 * @param traceback lines of the author's files, innermost last
 */
public record Failure(ErrorKind kind, String type, String message, List<String> traceback) {

  /** A failure that the harness itself found. */
  public static Failure of(ErrorKind kind, String message) {
    return new Failure(kind, null, message, List.of());
  }

  /** The body of FAILED. */
  public Map<String, Object> toFailed() {
    return fields(new LinkedHashMap<>());
  }

  /** The body of an ERROR that concerns the whole frame. */
  public Map<String, Object> toError() {
    Map<String, Object> json = fields(new LinkedHashMap<>());
    json.put("segment", null);
    json.put("row", null);
    return json;
  }

  /** The entry for one failed segment; {@code row} counts within it. */
  public Map<String, Object> toRowError(int segment, int row) {
    Map<String, Object> json = new LinkedHashMap<>();
    json.put("segment", segment);
    json.put("row", row);
    return fields(json);
  }

  private Map<String, Object> fields(Map<String, Object> json) {
    json.put("kind", kind.name());
    json.put("type", type);
    json.put("message", message);
    json.put("traceback", traceback);
    return json;
  }
}
