// Words for a parameter that cannot take its input: both sides, and the line that would mend it.
package idiom.values;

import idiom.protocol.DataType;
import idiom.protocol.ErrorKind;
import idiom.protocol.Refusal;
import idiom.protocol.TensorSpec;
import java.util.Arrays;

/** Also tells which data type and shape a Java type stands for, which hints are made of. */
public final class SignatureAdvice {
  private SignatureAdvice() {}

  /** The data type that a Java type stands for by itself; null where it may be several or none. */
  public static DataType datatypeOf(JavaType type) {
    Class<?> element = Numbers.boxed(type.element());
    if (element == Boolean.class) return DataType.BOOL;
    // A byte[] is a row of INT8 or one element of BYTES.
    if (element == Byte.class) return type.rank() == 0 ? DataType.INT8 : null;
    if (element == Short.class) return DataType.INT16;
    if (element == Integer.class) return DataType.INT32;
    if (element == Long.class) return DataType.INT64;
    if (element == Float.class) return DataType.FP32;
    if (element == Double.class) return DataType.FP64;
    return element == Object.class || element == Number.class ? null : DataType.BYTES;
  }

  /**
   * The shape that a Java type stands for: one free dimension for each pair of brackets, a scalar
   * is a column.
   */
  public static int[] shapeOf(JavaType type) {
    if (type.isAny() || (type.element() == byte.class && type.rank() > 0)) return null;
    int[] shape = new int[Math.max(1, type.rank())];
    Arrays.fill(shape, -1);
    return shape;
  }

  /** A SIGNATURE refusal of an input that does not fit its parameter. */
  static Refusal refuse(TensorSpec spec, JavaType type, String reason) {
    StringBuilder message = new StringBuilder("input '").append(spec.name()).append("' is ");
    message.append(spec.datatype()).append(' ').append(shapeText(spec.shape()));
    message.append(", but the function takes it as ").append(type).append(": ").append(reason);
    DataType datatype = datatypeOf(type);
    int[] shape = shapeOf(type);
    if (datatype != null && shape != null) {
      message.append(". Write in model.yaml under inputs: {name: ").append(spec.name());
      message.append(", datatype: ").append(datatype).append(", shape: ");
      message.append(shapeText(shape.length == spec.shape().length ? spec.shape() : shape));
      message.append('}');
    }
    return new Refusal(ErrorKind.SIGNATURE, message.toString());
  }

  /** A shape as model.yaml spells it. */
  public static String shapeText(int[] shape) {
    StringBuilder text = new StringBuilder("[");
    for (int i = 0; i < shape.length; i++) text.append(i == 0 ? "" : ", ").append(shape[i]);
    return text.append(']').toString();
  }
}
