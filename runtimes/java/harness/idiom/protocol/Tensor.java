// One tensor of the INFER that is being executed: where it lies in the frame.
package idiom.protocol;

/** Reused from frame to frame; valid until the next one is read. */
public final class Tensor {
  private static final int[] SCALAR = {};

  int index;
  DataType datatype;
  ContentType contentType;
  int[] shape = SCALAR;
  int byteLength;
  int offset;
  int elements;

  Tensor() {}

  /** The position in the signature's inputs. */
  public int index() {
    return index;
  }

  public DataType datatype() {
    return datatype;
  }

  /** What the request says; NONE means as the signature does. */
  public ContentType contentType() {
    return contentType;
  }

  public int rank() {
    return shape.length;
  }

  public int dimension(int axis) {
    return shape[axis];
  }

  /** Where the data begins in the frame, a multiple of 8. */
  public int offset() {
    return offset;
  }

  /** The number of elements. */
  public int elements() {
    return elements;
  }
}
