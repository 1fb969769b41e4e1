// Makes the function's arguments of the fields' values.
package idiom.calling;

import idiom.model.Parameters;
import java.lang.reflect.Constructor;
import java.lang.reflect.InvocationTargetException;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** Prepared at BIND for one form of parameters. */
final class Arguments {
  private final Constructor<?> constructor;
  private final boolean map;
  private final String[] names;

  /**
   * @param names of the values, which a map gets them by
   */
  Arguments(Parameters parameters, List<String> names) {
    constructor = parameters.recordClass() == null ? null : canonical(parameters.recordClass());
    map = parameters.form() == Parameters.Form.MAP || parameters.form() == Parameters.Form.MAPS;
    this.names = names.toArray(new String[0]);
  }

  private static Constructor<?> canonical(Class<?> record) {
    var components = record.getRecordComponents();
    Class<?>[] types = new Class<?>[components.length];
    for (int i = 0; i < types.length; i++) types[i] = components[i].getType();
    try {
      Constructor<?> constructor = record.getDeclaredConstructor(types);
      constructor.setAccessible(true);
      return constructor;
    } catch (NoSuchMethodException e) {
      throw new AssertionError("every record has its canonical constructor", e);
    }
  }

  /** The record, the map, or null where the values are arguments by themselves. */
  Object gathered(Object[] values) throws Throwable {
    if (constructor != null) {
      try {
        return constructor.newInstance(values);
      } catch (InvocationTargetException e) {
        throw e.getCause();
      }
    }
    if (!map) return null;
    Map<String, Object> byName = new LinkedHashMap<>();
    for (int i = 0; i < names.length; i++) byName.put(names[i], values[i]);
    return byName;
  }

  /** What the function is called with. */
  Object[] of(Object[] values) throws Throwable {
    return constructor == null && !map ? values : new Object[] {gathered(values)};
  }
}
