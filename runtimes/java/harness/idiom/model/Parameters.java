// What the function takes, as its types say.
package idiom.model;

import idiom.protocol.ErrorKind;
import idiom.protocol.Refusal;
import idiom.values.JavaType;
import java.lang.reflect.Method;
import java.lang.reflect.Parameter;
import java.lang.reflect.ParameterizedType;
import java.lang.reflect.RecordComponent;
import java.lang.reflect.Type;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;

/**
 * The form and the fields of a function's parameters.
 *
 * @param recordClass of the forms RECORD and RECORDS, otherwise null
 * @param fields the parameters or the record's components; empty for maps
 */
public record Parameters(Form form, Class<?> recordClass, List<Field> fields) {
  /** How the values are handed over. */
  public enum Form {
    /** Each as a parameter of its own. */
    VALUES,
    /** As the components of one record. */
    RECORD,
    /** By name in one map. */
    MAP,
    /** A list of records, one a row. */
    RECORDS,
    /** A list of maps, one a row. */
    MAPS
  }

  /**
   * A parameter or a record's component.
   *
   * @param name null where the compiler kept none
   */
  public record Field(String name, JavaType type) {}

  /**
   * Reads them off a method.
   *
   * @throws Refusal SIGNATURE when there is a type that no input can become
   */
  public static Parameters of(Method method) throws Refusal {
    Parameter[] parameters = method.getParameters();
    if (parameters.length == 1) {
      Type type = parameters[0].getParameterizedType();
      if (raw(type) == Map.class) return new Parameters(Form.MAP, null, List.of());
      Class<?> record = recordOf(type);
      if (record != null) return new Parameters(Form.RECORD, record, components(record));
      if (raw(type) == List.class || raw(type) == Iterable.class) return ofList(method, type);
    }
    List<Field> fields = new ArrayList<>();
    for (Parameter parameter : parameters) {
      JavaType type = JavaType.of(parameter.getParameterizedType());
      if (type == null) throw refuse(method, parameter.getParameterizedType());
      fields.add(new Field(parameter.isNamePresent() ? parameter.getName() : null, type));
    }
    return new Parameters(Form.VALUES, null, fields);
  }

  private static Parameters ofList(Method method, Type list) throws Refusal {
    Type element = elementOf(list);
    Class<?> record = recordOf(element);
    if (record != null) return new Parameters(Form.RECORDS, record, components(record));
    if (raw(element) == Map.class) return new Parameters(Form.MAPS, null, List.of());
    throw refuse(method, list);
  }

  private static List<Field> components(Class<?> record) throws Refusal {
    List<Field> fields = new ArrayList<>();
    for (RecordComponent component : record.getRecordComponents()) {
      JavaType type = JavaType.of(component.getGenericType());
      if (type == null) {
        throw new Refusal(
            ErrorKind.SIGNATURE,
            "%s.%s is a %s, which no input can become: take a number, text, a date-time or an array"
                .formatted(
                    record.getSimpleName(),
                    component.getName(),
                    component.getGenericType().getTypeName()));
      }
      fields.add(new Field(component.getName(), type));
    }
    return fields;
  }

  /** The class of a record type; null for any other. */
  static Class<?> recordOf(Type type) {
    return type instanceof Class<?> c && c.isRecord() ? c : null;
  }

  /** The element of a list type; null where it has none. */
  static Type elementOf(Type type) {
    return type instanceof ParameterizedType generic ? generic.getActualTypeArguments()[0] : null;
  }

  /** The class of a type without its arguments. */
  static Class<?> raw(Type type) {
    if (type instanceof ParameterizedType generic) return (Class<?>) generic.getRawType();
    return type instanceof Class<?> c ? c : null;
  }

  /** Whether every field is one value: then the function takes a row. */
  public boolean areScalars() {
    for (Field field : fields) {
      if (!field.type().isScalar()) return false;
    }
    return !fields.isEmpty() && (form == Form.VALUES || form == Form.RECORD);
  }

  /** Whether the function takes a list, one element a row. */
  public boolean areRows() {
    return form == Form.RECORDS || form == Form.MAPS;
  }

  private static Refusal refuse(Method method, Type type) {
    return new Refusal(
        ErrorKind.SIGNATURE,
        ("%s takes a %s, which no input can become:"
                + " take arrays, records, a Map<String, Object> or a List of records")
            .formatted(method.getName(), type.getTypeName()));
  }
}
