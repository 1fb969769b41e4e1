// What INIT says.
package idiom;

import idiom.protocol.ContentType;
import idiom.protocol.Violation;
import java.math.BigDecimal;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;

/**
 * The fields of INIT that the harness needs.
 *
 * @param entry {@code file:symbol}, or null
 */
record Init(
    Path folder,
    String entry,
    boolean perRow,
    ContentType contentType,
    List<String> libraries,
    int maxFrame) {

  /** Reads the body of an INIT. */
  static Init of(Map<String, Object> body) throws Violation {
    try {
      List<String> libraries = new ArrayList<>();
      for (Object library : (List<?>) body.get("libraries")) libraries.add((String) library);
      return new Init(
          Path.of((String) body.get("folder")),
          (String) body.get("entry"),
          "row".equals(body.get("per")),
          ContentType.named(body.get("content_type")),
          libraries,
          ((BigDecimal) body.get("max_frame")).intValueExact());
    } catch (ClassCastException | NullPointerException | ArithmeticException e) {
      throw new Violation("INIT lacks a field, or has one of another type");
    }
  }
}
