// The vectors that all languages run: proto/harness/v1/vectors.
package idiom.support;

import idiom.protocol.Json;
import java.math.BigDecimal;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;

/** Reads them and their spelling of bytes and numbers. */
public final class Vectors {
  private static final Path FOLDER = Path.of("../../proto/harness/v1/vectors");

  private Vectors() {}

  /** The cases listed under {@code key} of one file. */
  public static List<Map<String, Object>> cases(String file, String key) throws Exception {
    byte[] bytes = Files.readAllBytes(FOLDER.resolve(file));
    return objects(Json.parse(bytes, 0, bytes.length).get(key));
  }

  @SuppressWarnings("unchecked")
  public static List<Map<String, Object>> objects(Object list) {
    return (List<Map<String, Object>>) list;
  }

  @SuppressWarnings("unchecked")
  public static Map<String, Object> object(Object object) {
    return (Map<String, Object>) object;
  }

  /** The bytes that a hexadecimal string spells. */
  public static byte[] bytes(Object hex) {
    return HexFormat.of().parseHex((String) hex);
  }

  /** A list of integers. */
  public static int[] ints(Object list) {
    List<Integer> ints = new ArrayList<>();
    for (Object number : (List<?>) list) ints.add(((BigDecimal) number).intValueExact());
    return ints.stream().mapToInt(Integer::intValue).toArray();
  }
}
