// What an author's type says of a value: its element, its rank, whether it may be missing.
package idiom.values;

import java.lang.reflect.GenericArrayType;
import java.lang.reflect.ParameterizedType;
import java.lang.reflect.Type;
import java.time.LocalDateTime;
import java.time.OffsetDateTime;
import java.util.Optional;

/**
 * The type of a parameter, a record's component or a result.
 *
 * @param element the class below all array brackets and below Optional
 * @param rank the number of array brackets
 * @param optional whether it is an Optional
 */
public record JavaType(Class<?> element, int rank, boolean optional) {
  /** A value of whatever kind: it arrives as the signature's own. */
  public static final JavaType ANY = new JavaType(Object.class, 0, false);

  /** The type, or null when it is none of a value: a list, a map, a record, another class. */
  public static JavaType of(Type type) {
    int rank = 0;
    while (type instanceof GenericArrayType array) {
      type = array.getGenericComponentType();
      rank++;
    }
    boolean optional = false;
    if (rank == 0
        && type instanceof ParameterizedType generic
        && generic.getRawType() == Optional.class) {
      type = generic.getActualTypeArguments()[0];
      optional = true;
    }
    if (!(type instanceof Class<?> element)) return null;
    for (; element.isArray(); element = element.getComponentType()) rank++;
    return isElement(element) ? new JavaType(element, rank, optional) : null;
  }

  /** Whether it is one value, as a row has them. */
  public boolean isScalar() {
    return rank == 0 && element != Object.class;
  }

  public boolean isAny() {
    return rank == 0 && element == Object.class;
  }

  /** As the author wrote it. */
  @Override
  public String toString() {
    String name = element.getSimpleName() + "[]".repeat(rank);
    return optional ? "Optional<" + name + ">" : name;
  }

  private static boolean isElement(Class<?> type) {
    return (type.isPrimitive() && type != char.class && type != void.class)
        || type == Object.class
        || type == Number.class
        || type == String.class
        || type == OffsetDateTime.class
        || type == LocalDateTime.class
        || type.isEnum()
        || isBoxed(type);
  }

  private static boolean isBoxed(Class<?> type) {
    return type == Boolean.class
        || type == Byte.class
        || type == Short.class
        || type == Integer.class
        || type == Long.class
        || type == Float.class
        || type == Double.class;
  }
}
