// Writes a RESULT, header and body, in one piece of memory; PROTOCOL.md, section 5.
package idiom.protocol;

import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.Map;

/**
 * One RESULT after the other: {@link #begin}, then for each tensor {@link #beginTensor}, bytes put
 * at positions that {@link #reserve} made room for, {@link #endTensor}; at last {@link #finish}.
 * The ranks are known at BIND, so the header's length is known before the data.
 */
public final class ResultBody {
  private static final int START = FrameReader.HEADER;
  private static final int CAPACITY = 64 << 10;
  private static final int KEEP = 8 << 20;

  private Bytes bytes = new Bytes(CAPACITY);
  private final int limit;
  private final int descriptorBytes;
  private long id;
  private int descriptor;
  private int end;

  /**
   * @param ranks of the tensors of every RESULT
   * @param maxFrame the largest body
   */
  public ResultBody(int[] ranks, int maxFrame) {
    int words = 0;
    for (int rank : ranks) words += 5 + rank;
    descriptorBytes = words * 4;
    limit = START + maxFrame;
  }

  /** Begins the answer to {@code infer} with the same segments and rows. */
  public void begin(long id, InferBody infer, int tensors) throws Refusal {
    if (bytes.capacity() > KEEP) bytes = new Bytes(CAPACITY);
    this.id = id;
    descriptor = START + 16 + 4 * infer.segments();
    int header = 16 + 4 * infer.segments() + descriptorBytes;
    header += -header & 7;
    end = START + header;
    reserve(end);
    // The word that may be left over; where none is, it is written again below.
    bytes.putInt(end - 4, 0);
    bytes.putInt(START, header);
    bytes.putInt(START + 4, infer.segments());
    bytes.putInt(START + 8, tensors);
    bytes.putInt(START + 12, 0);
    for (int i = 0; i < infer.segments(); i++) {
      bytes.putInt(START + 16 + 4 * i, infer.rows(i));
    }
  }

  /** Says that a segment failed. */
  public void dropSegment(int segment) {
    bytes.putInt(START + 16 + 4 * segment, 0);
  }

  /**
   * Begins a tensor.
   *
   * @return where its data begins
   */
  public int beginTensor(int index, DataType datatype, int[] shape) throws Refusal {
    bytes.putInt(descriptor, index);
    bytes.putInt(descriptor + 4, datatype.code);
    bytes.putInt(descriptor + 8, 0);
    bytes.putInt(descriptor + 16, shape.length);
    for (int axis = 0; axis < shape.length; axis++) {
      bytes.putInt(descriptor + 20 + 4 * axis, shape[axis]);
    }
    align();
    return end;
  }

  /** Ends the tensor that was begun; its data ends at {@code at}. */
  public void endTensor(int at) {
    bytes.putInt(descriptor + 12, at - end);
    descriptor += 20 + 4 * bytes.getInt(descriptor + 16);
    end = at;
  }

  /** Makes room up to {@code end}, which is refused beyond the limit of a frame. */
  public void reserve(long end) throws Refusal {
    if (end > limit) {
      throw new Refusal(
          ErrorKind.RESULT_TOO_LARGE,
          "the answer is larger than a frame may be, " + (limit - START) + " bytes");
    }
    bytes.ensure((int) end);
  }

  /** The memory; another one after {@link #reserve}. */
  public Bytes bytes() {
    return bytes;
  }

  /**
   * Ends the frame.
   *
   * @param errors of the segments that failed, or null
   * @return its length, header included
   */
  public int finish(List<Map<String, Object>> errors) throws Refusal {
    if (errors != null) {
      align();
      byte[] json = Json.write(Map.of("errors", errors)).getBytes(StandardCharsets.UTF_8);
      reserve((long) end + json.length);
      bytes.put(end, json);
      bytes.putInt(START + 12, json.length);
      end += json.length;
    }
    FrameWriter.header(bytes, FrameType.RESULT, id, end - START);
    return end;
  }

  private void align() throws Refusal {
    int aligned = end + (-end & 7);
    reserve(aligned);
    while (end < aligned) bytes.putByte(end++, (byte) 0);
  }
}
