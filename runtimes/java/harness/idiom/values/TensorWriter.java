// Writes what the model returned for one output: checks that it fits the signature, then its
// elements.
package idiom.values;

import idiom.protocol.DataType;
import idiom.protocol.ErrorKind;
import idiom.protocol.Refusal;
import idiom.protocol.ResultBody;
import idiom.protocol.TensorSpec;
import java.lang.reflect.Array;
import java.util.List;

/**
 * Takes arrays and lists, nested as deep as the output's rank; primitive arrays of its own type in
 * bulk.
 */
public final class TensorWriter {
  /** As rows: the frame does not say how many there must be. */
  public static final int ANY_ROWS = -1;

  private final TensorSpec spec;
  private final int index;
  private final DataType datatype;
  private final ElementWriter element;
  private final NativeArray natives;
  private final Class<?> nativeArrayClass;
  private final int[] shape;

  // Where the next element goes, and which row is being written.
  private int at;
  private int row;

  /**
   * @throws Refusal SIGNATURE when the output's na is no value of its data type
   */
  public TensorWriter(TensorSpec spec, int index) throws Refusal {
    this.spec = spec;
    this.index = index;
    datatype = spec.datatype();
    element = new ElementWriter(spec);
    natives = NativeArray.of(datatype);
    nativeArrayClass = natives == null ? null : datatype.nativeClass.arrayType();
    shape = new int[spec.shape().length];
  }

  public String name() {
    return spec.name();
  }

  /**
   * Writes the output.
   *
   * @param rows what dimension 0 must be, or ANY_ROWS
   * @throws Refusal INVALID_OUTPUT or RESULT_TOO_LARGE
   */
  public void write(Object value, int rows, ResultBody out) throws Refusal {
    if (value == null) throw refuse("the function returned null");
    int depth = depth(value);
    measure(value, depth);
    checkShape(rows);
    at = out.beginTensor(index, datatype, shape);
    row = 0;
    try {
      if (depth == 0) {
        at = element.put(element.prepare(value), out, at);
      } else {
        write(value, 0, depth, out);
      }
    } catch (Refusal e) {
      if (e.kind() != ErrorKind.INVALID_OUTPUT) throw e;
      throw refuse("row " + row + ": " + e.getMessage());
    }
    out.endTensor(at);
  }

  /**
   * One row's value in its final form, for {@link #writeColumn}.
   *
   * @throws Refusal INVALID_OUTPUT
   */
  public Object prepare(Object value) throws Refusal {
    try {
      return element.prepare(value);
    } catch (Refusal e) {
      throw refuse(e.getMessage());
    }
  }

  /** Writes the first {@code rows} values that were prepared as [n] or [n,1]. */
  public void writeColumn(Object[] column, int rows, ResultBody out) throws Refusal {
    shape[0] = rows;
    if (shape.length == 2) shape[1] = 1;
    at = out.beginTensor(index, datatype, shape);
    for (row = 0; row < rows; row++) at = element.put(column[row], out, at);
    out.endTensor(at);
  }

  // How deep arrays and lists are nested. What is empty is as deep as its class says, or as it
  // should be.
  private int depth(Object value) {
    int depth = 0;
    while (isNested(value)) {
      depth++;
      Class<?> component = value.getClass().getComponentType();
      if (component != null && component.isPrimitive()) return depth;
      if (length(value) > 0) {
        value = child(value, 0);
      } else if (component == null) {
        return Math.max(depth, shape.length);
      } else {
        for (;
            component.isArray() && !isElement(component);
            component = component.componentType()) {
          depth++;
        }
        return depth;
      }
    }
    return depth;
  }

  private boolean isNested(Object value) {
    if (value == null) return false;
    Class<?> type = value.getClass();
    return (type.isArray() && !isElement(type)) || value instanceof List;
  }

  private boolean isElement(Class<?> array) {
    return datatype == DataType.BYTES && array == byte[].class;
  }

  // The shape in the signature's rank: [n] and [n,1] are taken for each other, a scalar for [1].
  private void measure(Object value, int depth) throws Refusal {
    int rank = shape.length;
    boolean fits = depth == rank || (depth == 1 && rank == 2) || (depth <= 2 && rank == 1);
    if (!fits) {
      throw refuse(
          "what came back has rank %d, the signature says %s"
              .formatted(depth, SignatureAdvice.shapeText(spec.shape())));
    }
    for (int axis = 0; axis < rank; axis++) {
      if (axis >= depth) {
        shape[axis] = 1;
      } else if (value == null) {
        shape[axis] = Math.max(0, spec.shape()[axis]);
      } else {
        shape[axis] = length(value);
        value = shape[axis] > 0 ? child(value, 0) : null;
      }
    }
  }

  private void checkShape(int rows) throws Refusal {
    int[] declared = spec.shape();
    for (int axis = 0; axis < shape.length; axis++) {
      if (declared[axis] != -1 && declared[axis] != shape[axis]) {
        throw refuse(
            "what came back has shape %s, the signature says %s"
                .formatted(SignatureAdvice.shapeText(shape), SignatureAdvice.shapeText(declared)));
      }
    }
    if (rows != ANY_ROWS && (shape.length == 0 || shape[0] != rows)) {
      throw refuse(
          "%d rows came back for %d rows of input"
              .formatted(shape.length == 0 ? 1 : shape[0], rows));
    }
  }

  private void write(Object value, int axis, int depth, ResultBody out) throws Refusal {
    // An axis beyond the signature's rank is the 1 of [n,1].
    int length = axis < shape.length ? shape[axis] : 1;
    if (!isNested(value) || length(value) != length) throw ragged(length, value);
    if (axis == depth - 1) {
      leaf(value, length, axis == 0, out);
      return;
    }
    for (int i = 0; i < length; i++) {
      if (axis == 0) row = i;
      write(child(value, i), axis + 1, depth, out);
    }
  }

  private void leaf(Object value, int length, boolean elementsAreRows, ResultBody out)
      throws Refusal {
    if (value.getClass() == nativeArrayClass) {
      out.reserve(at + (long) length * datatype.size);
      int misfit = natives.write(out.bytes(), at, value);
      if (misfit == NativeArray.FITS) {
        at += length * datatype.size;
        return;
      }
      // The element's own writer below says what is wrong with it.
    }
    for (int i = 0; i < length; i++) {
      if (elementsAreRows) row = i;
      at = element.put(element.prepare(child(value, i)), out, at);
    }
  }

  private static int length(Object value) {
    return value instanceof List<?> list ? list.size() : Array.getLength(value);
  }

  private static Object child(Object value, int i) {
    return value instanceof List<?> list ? list.get(i) : Array.get(value, i);
  }

  private Refusal ragged(int length, Object value) {
    String found = isNested(value) ? length(value) + " elements" : "a single value";
    return new Refusal(
        ErrorKind.INVALID_OUTPUT, "it has %s where the first has %d".formatted(found, length));
  }

  private Refusal refuse(String message) {
    return new Refusal(ErrorKind.INVALID_OUTPUT, "output '" + spec.name() + "': " + message);
  }
}
