// Reads a column of a frame or of rows as objects, one a row.
package idiom.values;

import idiom.protocol.Bytes;
import idiom.protocol.ContentType;
import idiom.protocol.DataType;
import idiom.protocol.ErrorKind;
import idiom.protocol.Refusal;
import idiom.protocol.Tensor;
import idiom.protocol.TensorSpec;

/** Prepared at BIND for one input and one scalar type. */
public final class ColumnReader {
  private final TensorSpec spec;
  private final JavaType target;
  private final ElementReader[] elements = new ElementReader[ContentType.values().length];

  /**
   * @throws Refusal SIGNATURE when the type cannot take the input, with the line to write
   */
  public ColumnReader(TensorSpec spec, JavaType target) throws Refusal {
    this.spec = spec;
    this.target = target;
    requireColumn(spec);
    ElementReader element;
    try {
      element = elementReader(spec.contentType());
    } catch (Refusal e) {
      throw SignatureAdvice.refuse(spec, target, e.getMessage());
    }
    if (element.mayBeMissing() && target.element().isPrimitive()) {
      throw new Refusal(
          ErrorKind.SIGNATURE,
          ("input '%s' has na: %s, but a %s cannot be missing:"
                  + " take %s in the code, or leave na out of model.yaml")
              .formatted(
                  spec.name(), spec.na(), target, Numbers.boxed(target.element()).getSimpleName()));
    }
    elements[ContentType.NONE.ordinal()] = element;
  }

  /**
   * @throws Refusal SIGNATURE when the input is neither [n] nor [n,1]
   */
  public static void requireColumn(TensorSpec spec) throws Refusal {
    int[] shape = spec.shape();
    if (shape.length == 1 || (shape.length == 2 && (shape[1] == 1 || shape[1] == -1))) return;
    throw new Refusal(
        ErrorKind.SIGNATURE,
        ("'%s' has shape %s, but the function takes one value a row."
                + " Write in model.yaml: {name: %s, datatype: %s, shape: [-1]}")
            .formatted(
                spec.name(), SignatureAdvice.shapeText(shape), spec.name(), spec.datatype()));
  }

  /** The column's values in order; a missing one is null, NaN or an empty Optional. */
  public Object[] read(Bytes bytes, Tensor tensor) throws Refusal {
    Object[] column = elements(bytes, tensor);
    for (int row = 0; row < column.length; row++) {
      if (column[row] instanceof Refusal refusal) {
        throw refuse("row " + row + ": " + refusal.getMessage());
      }
    }
    return column;
  }

  /** The same, but a value that the model cannot take is a Refusal in its place. */
  public Object[] readEach(Bytes bytes, Tensor tensor) throws Refusal {
    Object[] column = elements(bytes, tensor);
    for (int row = 0; row < column.length; row++) {
      if (column[row] instanceof Refusal refusal) column[row] = refuse(refusal.getMessage());
    }
    return column;
  }

  private Object[] elements(Bytes bytes, Tensor tensor) throws Refusal {
    if (tensor.rank() == 0 || tensor.elements() != tensor.dimension(0)) {
      throw refuse("it is no column, [n] or [n,1]");
    }
    ElementReader element = elements[tensor.contentType().ordinal()];
    if (element == null) element = elementReaderFor(tensor.contentType());
    Object[] column = new Object[tensor.elements()];
    boolean counted = spec.datatype() == DataType.BYTES;
    int length = spec.datatype().size;
    int at = tensor.offset();
    for (int row = 0; row < column.length; row++, at += length) {
      if (counted) {
        length = bytes.getInt(at);
        at += 4;
      }
      try {
        column[row] = element.read(bytes, at, length);
      } catch (Refusal refusal) {
        column[row] = refusal;
      }
    }
    return column;
  }

  private ElementReader elementReaderFor(ContentType contentType) throws Refusal {
    try {
      return elements[contentType.ordinal()] = elementReader(contentType);
    } catch (Refusal e) {
      throw refuse(e.getMessage());
    }
  }

  private ElementReader elementReader(ContentType contentType) throws Refusal {
    Class<?> type = Numbers.boxed(target.element());
    if (target.rank() > 0) {
      if (target.rank() > 1 || type != Byte.class) {
        throw new Refusal(ErrorKind.SIGNATURE, "one value a row is no " + target);
      }
      type = byte[].class;
    }
    return new ElementReader(spec, contentType, type, target.optional(), true);
  }

  private Refusal refuse(String message) {
    return new Refusal(ErrorKind.INVALID_INPUT, "input '" + spec.name() + "': " + message);
  }
}
