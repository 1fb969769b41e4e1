// Parses the body of an INFER and checks that it adds up; PROTOCOL.md, section 5.
package idiom.protocol;

import java.util.Arrays;

/**
 * Filled anew for each frame without allocating, unless a frame has more segments or tensors than
 * any before.
 */
public final class InferBody {
  private static final int FIRST_WORDS = 16;
  private static final int DESCRIPTOR = 20;

  private Bytes bytes;
  private int[] rows = new int[64];
  private int segments;
  private int totalRows;
  private Tensor[] tensors = {};
  private int tensorCount;

  /** Parses the body of {@code length} bytes that begins at {@code start}, a multiple of 8. */
  public void parse(Bytes bytes, int start, int length) throws Violation {
    this.bytes = bytes;
    check(length >= FIRST_WORDS, "it has no room for its first four words");
    int header = word(start);
    segments = word(start + 4);
    tensorCount = word(start + 8);
    check(header % 8 == 0, "the header's length is no multiple of 8");
    check(header <= length, "the header ends beyond the body");
    check(word(start + 12) == 0, "an INFER has a JSON block");
    check(segments >= 1, "it has no segment");
    int end = start + header;
    check(FIRST_WORDS + 4L * segments <= header, "the segments' rows do not fit into the header");
    parseRows(start + FIRST_WORDS);
    int at = parseDescriptors(start + FIRST_WORDS + 4 * segments, end);
    check(end - at == 0 || end - at == 4, "the header is longer than its words");
    locateData(end, start + length);
  }

  /** The number of segments, at least 1. */
  public int segments() {
    return segments;
  }

  /** The rows of a segment. */
  public int rows(int segment) {
    return rows[segment];
  }

  /** The sum of all segments' rows. */
  public int totalRows() {
    return totalRows;
  }

  /**
   * Whether dimension 0 of every tensor is rows; otherwise the one segment says 0 and they may
   * differ.
   */
  public boolean isCounted() {
    return segments > 1 || rows[0] > 0;
  }

  public int tensorCount() {
    return tensorCount;
  }

  public Tensor tensor(int i) {
    return tensors[i];
  }

  /** The frame that the tensors lie in. */
  public Bytes bytes() {
    return bytes;
  }

  private void parseRows(int at) throws Violation {
    if (segments > rows.length) rows = new int[segments];
    long total = 0;
    for (int i = 0; i < segments; i++) total += rows[i] = word(at + 4 * i);
    check(total <= Integer.MAX_VALUE, "the segments have too many rows");
    totalRows = (int) total;
  }

  private int parseDescriptors(int from, int end) throws Violation {
    check((long) DESCRIPTOR * tensorCount <= end - from, "the descriptors do not fit the header");
    growTensors();
    int at = from;
    for (int i = 0; i < tensorCount; i++) {
      check(at + DESCRIPTOR <= end, "the descriptors do not fit into the header");
      Tensor tensor = tensors[i];
      tensor.index = word(at);
      tensor.datatype = DataType.of(word(at + 4));
      tensor.contentType = ContentType.of(word(at + 8));
      tensor.byteLength = word(at + 12);
      int rank = word(at + 16);
      at += DESCRIPTOR;
      check(rank <= (end - at) / 4, "the dimensions do not fit into the header");
      if (tensor.shape.length != rank) tensor.shape = new int[rank];
      for (int axis = 0; axis < rank; axis++, at += 4) tensor.shape[axis] = word(at);
      checkShape(tensor);
    }
    return at;
  }

  private void growTensors() {
    int known = tensors.length;
    if (tensorCount <= known) return;
    tensors = Arrays.copyOf(tensors, tensorCount);
    for (int i = known; i < tensorCount; i++) tensors[i] = new Tensor();
  }

  private void checkShape(Tensor tensor) throws Violation {
    if (isCounted()) {
      check(
          tensor.shape.length > 0 && tensor.shape[0] == totalRows,
          "dimension 0 is not the sum of the segments' rows");
    }
    long elements = 1;
    boolean empty = false;
    for (int dimension : tensor.shape) {
      empty |= dimension == 0;
      // Never more than 2^62: what is beyond the largest word stays beyond it.
      elements = Math.min(elements, Integer.MAX_VALUE) * dimension;
    }
    if (empty) elements = 0;
    DataType datatype = tensor.datatype;
    if (datatype == DataType.BYTES) {
      check(elements * 4 <= tensor.byteLength, "the elements do not fit into the byte length");
      check(elements > 0 || tensor.byteLength == 0, "a tensor without elements has bytes");
    } else {
      check(elements * datatype.size == tensor.byteLength, "the byte length is not the elements'");
    }
    tensor.elements = (int) elements;
  }

  private void locateData(int headerEnd, int bodyEnd) throws Violation {
    int at = headerEnd;
    for (int i = 0; i < tensorCount; i++) {
      Tensor tensor = tensors[i];
      tensor.offset = at + (-at & 7);
      check(tensor.byteLength <= bodyEnd - tensor.offset, "the data ends beyond the body");
      at = tensor.offset + tensor.byteLength;
      if (tensor.datatype == DataType.BYTES) checkElements(tensor, at);
    }
    check(at == bodyEnd, "bytes follow the last tensor");
  }

  private void checkElements(Tensor tensor, int end) throws Violation {
    int at = tensor.offset;
    for (int i = 0; i < tensor.elements; i++) {
      check(end - at >= 4, "an element's length is torn");
      int length = word(at);
      at += 4;
      check(length <= end - at, "an element ends beyond its tensor");
      at += length;
    }
    check(at == end, "the byte length is not the elements'");
  }

  private int word(int at) throws Violation {
    int word = bytes.getInt(at);
    check(word >= 0, "a word is beyond 2^31 - 1");
    return word;
  }

  private static void check(boolean holds, String reason) throws Violation {
    if (!holds) throw new Violation("INFER: " + reason);
  }
}
