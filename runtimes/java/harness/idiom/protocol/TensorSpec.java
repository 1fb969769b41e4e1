// One tensor of a signature, as BIND and LOADED spell it.
package idiom.protocol;

import java.math.BigDecimal;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * A tensor's name, data type and shape. In hints everything but the name may be null.
 *
 * @param shape dimensions with the batch; -1 is free
 * @param na the value that stands for a missing one: String, BigDecimal, Boolean or null
 * @param levels the labels of a categorical column, or null
 */
public record TensorSpec(
    String name,
    DataType datatype,
    int[] shape,
    ContentType contentType,
    Object na,
    List<String> levels) {

  /** Reads the list of tensors called {@code key} in a BIND body; all of it must be known. */
  public static List<TensorSpec> listOf(Map<String, Object> body, String key) throws Violation {
    try {
      List<TensorSpec> specs = new ArrayList<>();
      for (Object tensor : (List<?>) body.get(key)) specs.add(of((Map<?, ?>) tensor));
      return specs;
    } catch (ClassCastException | NullPointerException | IllegalArgumentException e) {
      throw new Violation("BIND: " + key + " is no list of complete tensors");
    }
  }

  private static TensorSpec of(Map<?, ?> tensor) throws Violation {
    List<?> dimensions = (List<?>) tensor.get("shape");
    int[] shape = new int[dimensions.size()];
    for (int i = 0; i < shape.length; i++) shape[i] = ((BigDecimal) dimensions.get(i)).intValue();
    List<String> levels = null;
    if (tensor.get("levels") != null) {
      levels = new ArrayList<>();
      for (Object level : (List<?>) tensor.get("levels")) levels.add((String) level);
    }
    return new TensorSpec(
        (String) tensor.get("name"),
        DataType.valueOf((String) tensor.get("datatype")),
        shape,
        ContentType.named(tensor.get("content_type")),
        tensor.get("na"),
        levels);
  }

  /** The JSON form, for LOADED. */
  public Map<String, Object> toJson() {
    Map<String, Object> json = new LinkedHashMap<>();
    json.put("name", name);
    json.put("datatype", datatype == null ? null : datatype.name());
    List<Integer> dimensions = null;
    if (shape != null) {
      dimensions = new ArrayList<>();
      for (int dimension : shape) dimensions.add(dimension);
    }
    json.put("shape", dimensions);
    json.put("content_type", contentType == null ? null : contentType.wireName());
    json.put("na", na);
    json.put("levels", levels);
    return json;
  }
}
