// Turns a tensor into the value that a parameter takes: arrays of the parameter's rank, or a
// scalar.
package idiom.values;

import idiom.protocol.Bytes;
import idiom.protocol.ContentType;
import idiom.protocol.DataType;
import idiom.protocol.ErrorKind;
import idiom.protocol.Refusal;
import idiom.protocol.Tensor;
import idiom.protocol.TensorSpec;
import java.lang.reflect.Array;

/**
 * Prepared at BIND for one input and one type; what a request's own content type needs, at its
 * first use.
 */
public final class TensorReader {
  private final TensorSpec spec;
  private final JavaType target;
  private final boolean column;
  private final Plan[] plans = new Plan[ContentType.values().length];

  /**
   * @param column whether the tensor is a column of a frame: [n] or [n,1], BYTES as text
   * @throws Refusal SIGNATURE when the type cannot take the input, with the line to write
   */
  public TensorReader(TensorSpec spec, JavaType target, boolean column) throws Refusal {
    this.spec = spec;
    this.target = target;
    this.column = column;
    int rank = target.isAny() ? spec.shape().length : target.rank() - innerRank();
    if (!ranksFit(spec.shape(), rank))
      throw SignatureAdvice.refuse(spec, target, "the ranks differ");
    try {
      plans[ContentType.NONE.ordinal()] = new Plan(spec.contentType());
    } catch (Refusal e) {
      throw SignatureAdvice.refuse(spec, target, e.getMessage());
    }
  }

  /** A tensor of the frame in {@code bytes} as a value. */
  public Object read(Bytes bytes, Tensor tensor) throws Refusal {
    Plan plan = plans[tensor.contentType().ordinal()];
    if (plan == null) plan = planFor(tensor.contentType());
    return plan.read(bytes, tensor);
  }

  private Plan planFor(ContentType contentType) throws Refusal {
    try {
      return plans[contentType.ordinal()] = new Plan(contentType);
    } catch (Refusal e) {
      throw refuse(e.getMessage());
    }
  }

  // The last pair of brackets of a byte[][] belongs to the element when the input is BYTES.
  private int innerRank() {
    return spec.datatype() == DataType.BYTES && target.element() == byte.class && target.rank() > 0
        ? 1
        : 0;
  }

  // A parameter may take [n] as [n,1], [n,1] as [n], and one element alone.
  private static boolean ranksFit(int[] shape, int rank) {
    if (shape.length == rank) return true;
    if (rank == 2) return shape.length == 1;
    if (rank == 1) return shape.length == 2 && shape[1] == 1;
    return rank == 0 && shape.length == 1 && shape[0] == 1;
  }

  private Refusal refuse(String message) {
    return new Refusal(ErrorKind.INVALID_INPUT, "input '" + spec.name() + "': " + message);
  }

  /** How elements of one content type become arrays. */
  private final class Plan {
    private static final int AS_IT_COMES = -1;

    private final int rank;
    private final ElementReader element;
    // In bulk where the array holds primitives: then `natives` reads the data type's own, and they
    // are widened if the component is another one.
    private final NativeArray natives;
    private final Class<?> component;
    private final boolean widened;

    // Where the next element lies, and which row is being read.
    private int at;
    private int row;

    Plan(ContentType contentType) throws Refusal {
      Class<?> type = innerRank() == 1 ? byte[].class : target.element();
      rank = target.isAny() ? AS_IT_COMES : target.rank() - innerRank();
      element =
          new ElementReader(spec, contentType, Numbers.boxed(type), target.optional(), column);
      DataType datatype = spec.datatype();
      if (column && type.isPrimitive() && element.mayBeMissing()) {
        throw new Refusal(ErrorKind.SIGNATURE, "a " + type + " cannot be missing, as na says");
      }
      boolean primitive =
          type.isPrimitive()
              || (target.isAny() && datatype != DataType.BYTES && !element.mayBeMissing());
      natives = primitive ? NativeArray.of(datatype) : null;
      if (primitive) {
        component = type.isPrimitive() ? type : datatype.nativeClass;
      } else {
        component = element.elementClass();
      }
      widened = primitive && component != datatype.nativeClass;
    }

    Object read(Bytes bytes, Tensor tensor) throws Refusal {
      int wanted = rank == AS_IT_COMES ? tensor.rank() : rank;
      if (column) wanted = 1;
      at = tensor.offset();
      row = 0;
      if (wanted == 0) {
        if (tensor.elements() != 1) throw refuse("it is no single value");
        return next(bytes);
      }
      if (!fits(tensor, wanted)) throw refuse("its rank is " + tensor.rank() + ", not " + wanted);
      return array(bytes, tensor, wanted, 0);
    }

    private boolean fits(Tensor tensor, int wanted) {
      if (tensor.rank() == wanted) return true;
      if (wanted == 2) return tensor.rank() == 1;
      return wanted == 1 && tensor.rank() == 2 && tensor.dimension(1) == 1;
    }

    private Object array(Bytes bytes, Tensor tensor, int wanted, int axis) throws Refusal {
      int length = axis < tensor.rank() ? tensor.dimension(axis) : 1;
      if (axis == wanted - 1) return leaf(bytes, length, axis == 0);
      Class<?> rowClass = component.arrayType();
      for (int i = axis + 2; i < wanted; i++) rowClass = rowClass.arrayType();
      Object[] rows = (Object[]) Array.newInstance(rowClass, length);
      for (int i = 0; i < length; i++) {
        if (axis == 0) row = i;
        rows[i] = array(bytes, tensor, wanted, axis + 1);
      }
      return rows;
    }

    private Object leaf(Bytes bytes, int length, boolean elementsAreRows) throws Refusal {
      if (natives != null) {
        Object array = natives.read(bytes, at, length);
        at += length * spec.datatype().size;
        return widened ? widen(array, length) : array;
      }
      Object[] array = (Object[]) Array.newInstance(component, length);
      for (int i = 0; i < length; i++) {
        if (elementsAreRows) row = i;
        array[i] = next(bytes);
      }
      return array;
    }

    private Object widen(Object array, int length) {
      Object wider = Array.newInstance(component, length);
      // Array.set widens; the element reader has checked that it loses nothing.
      for (int i = 0; i < length; i++) Array.set(wider, i, Array.get(array, i));
      return wider;
    }

    private Object next(Bytes bytes) throws Refusal {
      int length = spec.datatype().size;
      if (spec.datatype() == DataType.BYTES) {
        length = bytes.getInt(at);
        at += 4;
      }
      try {
        Object value = element.read(bytes, at, length);
        at += length;
        return value;
      } catch (Refusal e) {
        throw refuse("row " + row + ": " + e.getMessage());
      }
    }
  }
}
