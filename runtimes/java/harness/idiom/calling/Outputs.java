// The outputs of the signature, taken out of whatever the function returned.
package idiom.calling;

import idiom.protocol.ErrorKind;
import idiom.protocol.Refusal;
import idiom.protocol.ResultBody;
import idiom.protocol.TensorSpec;
import idiom.values.TensorWriter;
import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.Method;
import java.lang.reflect.RecordComponent;
import java.util.List;
import java.util.Map;

/**
 * A map or a record gives outputs by name, a list of them columns by name; anything else is the
 * only output.
 */
final class Outputs {
  private final TensorWriter[] writers;

  // The accessors of the record class that came back last, by output.
  private Class<?> recordClass;
  private Method[] accessors;

  Outputs(List<TensorSpec> specs) throws Refusal {
    writers = new TensorWriter[specs.size()];
    for (int i = 0; i < writers.length; i++) writers[i] = new TensorWriter(specs.get(i), i);
  }

  int count() {
    return writers.length;
  }

  TensorWriter writer(int output) {
    return writers[output];
  }

  /** Writes the result of one call for the whole frame. */
  void write(Object result, int rows, ResultBody out) throws Throwable {
    boolean byRow =
        result instanceof List<?> list
            && (list.isEmpty() ? writers.length > 1 : isNamed(list.get(0)));
    for (int i = 0; i < writers.length; i++) {
      Object value = byRow ? column((List<?>) result, i) : valueOf(result, i);
      writers[i].write(value, rows, out);
    }
  }

  /** One output's value in what the function returned for a row or a frame. */
  Object valueOf(Object result, int output) throws Throwable {
    if (result instanceof Map<?, ?> map) {
      String name = writers[output].name();
      Object value = map.get(name);
      if (value == null && !map.containsKey(name)) throw missing(output, map.keySet().toString());
      return value;
    }
    if (result instanceof Record) return component(result, output);
    if (writers.length > 1) {
      String found = result == null ? "null" : "a single " + result.getClass().getSimpleName();
      throw refuse("the function returned %s for %d outputs".formatted(found, writers.length));
    }
    return result;
  }

  private static boolean isNamed(Object row) {
    return row instanceof Map || row instanceof Record;
  }

  private Object[] column(List<?> rows, int output) throws Throwable {
    Object[] column = new Object[rows.size()];
    int i = 0;
    for (Object row : rows) {
      if (!isNamed(row)) throw refuse("row " + i + " of the result is no record and no map");
      column[i++] = valueOf(row, output);
    }
    return column;
  }

  private Object component(Object result, int output) throws Throwable {
    if (result.getClass() != recordClass) findAccessors(result.getClass());
    if (accessors[output] == null) {
      StringBuilder found = new StringBuilder();
      for (RecordComponent component : recordClass.getRecordComponents()) {
        found.append(found.length() == 0 ? "[" : ", ").append(component.getName());
      }
      throw missing(output, found + "]");
    }
    try {
      return accessors[output].invoke(result);
    } catch (InvocationTargetException e) {
      throw e.getCause();
    }
  }

  private void findAccessors(Class<?> type) {
    accessors = new Method[writers.length];
    for (RecordComponent component : type.getRecordComponents()) {
      for (int i = 0; i < writers.length; i++) {
        if (!component.getName().equals(writers[i].name())) continue;
        accessors[i] = component.getAccessor();
        accessors[i].setAccessible(true);
      }
    }
    recordClass = type;
  }

  private Refusal missing(int output, String found) {
    return refuse(
        "output '%s' is missing; the function returned %s"
            .formatted(writers[output].name(), found));
  }

  private static Refusal refuse(String message) {
    return new Refusal(ErrorKind.INVALID_OUTPUT, message);
  }
}
