// What the author's types say of the signature, for LOADED.
package idiom.model;

import idiom.protocol.ContentType;
import idiom.protocol.DataType;
import idiom.protocol.TensorSpec;
import idiom.values.JavaType;
import idiom.values.SignatureAdvice;
import java.lang.reflect.RecordComponent;
import java.lang.reflect.Type;
import java.time.LocalDateTime;
import java.time.OffsetDateTime;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * A type says the data type that it is in Java; an int may be meant as UINT16, which model.yaml
 * then says.
 */
public final class Hints {
  /** What a single result is called, which has no name in the code. */
  private static final String ONLY_OUTPUT = "output";

  private Hints() {}

  /** The {@code hints} of LOADED. */
  public static Map<String, Object> of(Parameters parameters, Type result) {
    Map<String, Object> hints = new LinkedHashMap<>();
    hints.put("inputs", toJson(inputs(parameters)));
    hints.put("outputs", toJson(outputs(result)));
    return hints;
  }

  private static List<TensorSpec> inputs(Parameters parameters) {
    List<TensorSpec> inputs = new ArrayList<>();
    for (Parameters.Field field : parameters.fields()) {
      if (field.name() == null) return null;
      inputs.add(hint(field.name(), field.type()));
    }
    return inputs.isEmpty() ? null : inputs;
  }

  private static List<TensorSpec> outputs(Type result) {
    Class<?> raw = Parameters.raw(result);
    Type element = raw == List.class ? Parameters.elementOf(result) : result;
    Class<?> record = element == null ? null : Parameters.recordOf(element);
    if (record != null) return components(record);
    JavaType type = element == null ? null : JavaType.of(element);
    if (type == null || type.isAny()) return null;
    // A list of arrays is as deep as its arrays and one more; that is left to model.yaml.
    if (raw == List.class && type.rank() > 0) return null;
    return List.of(hint(ONLY_OUTPUT, type));
  }

  private static List<TensorSpec> components(Class<?> record) {
    List<TensorSpec> outputs = new ArrayList<>();
    for (RecordComponent component : record.getRecordComponents()) {
      JavaType type = JavaType.of(component.getGenericType());
      if (type == null) return null;
      outputs.add(hint(component.getName(), type));
    }
    return outputs;
  }

  private static TensorSpec hint(String name, JavaType type) {
    DataType datatype = SignatureAdvice.datatypeOf(type);
    boolean dateTime =
        type.element() == OffsetDateTime.class || type.element() == LocalDateTime.class;
    List<String> levels = null;
    if (type.element().isEnum()) {
      levels = new ArrayList<>();
      for (Object constant : type.element().getEnumConstants()) {
        levels.add(((Enum<?>) constant).name());
      }
    }
    int[] shape = SignatureAdvice.shapeOf(type);
    return new TensorSpec(
        name, datatype, shape, dateTime ? ContentType.DATETIME : null, null, levels);
  }

  private static List<Map<String, Object>> toJson(List<TensorSpec> specs) {
    if (specs == null) return null;
    List<Map<String, Object>> json = new ArrayList<>();
    for (TensorSpec spec : specs) json.add(spec.toJson());
    return json;
  }
}
