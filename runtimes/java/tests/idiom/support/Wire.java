// The host's side of the tensor bodies, written from PROTOCOL.md and sharing no code with the
// harness.
package idiom.support;

import java.io.ByteArrayOutputStream;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;

/** Builds INFER bodies and takes RESULT bodies apart. */
public final class Wire {
  private static final List<String> DATATYPES =
      List.of(
          "", "BOOL", "UINT8", "UINT16", "UINT32", "UINT64", "INT8", "INT16", "INT32", "INT64",
          "FP16", "FP32", "FP64", "BYTES", "BF16");

  private Wire() {}

  /** A tensor with its data as bytes. */
  public record Sent(int index, String datatype, int contentType, int[] shape, byte[] data) {}

  /** A RESULT: the rows of its segments, its tensors and its JSON block. */
  public record Result(List<Integer> rows, List<Sent> tensors, String json) {
    /** The data of the output with this index. */
    public ByteBuffer data(int index) {
      for (Sent tensor : tensors) {
        if (tensor.index() == index) return littleEndian(tensor.data());
      }
      throw new AssertionError("there is no output " + index);
    }
  }

  public static ByteBuffer littleEndian(byte[] bytes) {
    return ByteBuffer.wrap(bytes).order(ByteOrder.LITTLE_ENDIAN);
  }

  /** The body of an INFER. */
  public static byte[] infer(int[] rows, Sent... tensors) {
    List<Integer> words = new ArrayList<>(List.of(0, rows.length, tensors.length, 0));
    for (int count : rows) words.add(count);
    for (Sent tensor : tensors) {
      words.addAll(
          List.of(
              tensor.index(),
              DATATYPES.indexOf(tensor.datatype()),
              tensor.contentType(),
              tensor.data().length,
              tensor.shape().length));
      for (int dimension : tensor.shape()) words.add(dimension);
    }
    if (words.size() % 2 == 1) words.add(0);
    words.set(0, words.size() * 4);
    ByteBuffer header = littleEndian(new byte[words.size() * 4]);
    words.forEach(header::putInt);
    ByteArrayOutputStream body = new ByteArrayOutputStream();
    body.writeBytes(header.array());
    for (Sent tensor : tensors) {
      body.writeBytes(new byte[-body.size() & 7]);
      body.writeBytes(tensor.data());
    }
    return body.toByteArray();
  }

  /** Takes the body of a RESULT apart. */
  public static Result result(byte[] body) {
    ByteBuffer words = littleEndian(body);
    int data = words.getInt();
    int segments = words.getInt();
    int count = words.getInt();
    int json = words.getInt();
    List<Integer> rows = new ArrayList<>();
    for (int i = 0; i < segments; i++) rows.add(words.getInt());
    List<Sent> tensors = new ArrayList<>();
    for (int i = 0; i < count; i++) {
      int index = words.getInt();
      String datatype = DATATYPES.get(words.getInt());
      int contentType = words.getInt();
      byte[] bytes = new byte[words.getInt()];
      int[] shape = new int[words.getInt()];
      for (int axis = 0; axis < shape.length; axis++) shape[axis] = words.getInt();
      data += -data & 7;
      System.arraycopy(body, data, bytes, 0, bytes.length);
      data += bytes.length;
      tensors.add(new Sent(index, datatype, contentType, shape, bytes));
    }
    String block = new String(body, body.length - json, json, StandardCharsets.UTF_8);
    return new Result(rows, tensors, block);
  }

  /** FP64 data of shape [n]. */
  public static Sent fp64(int index, double... values) {
    ByteBuffer data = littleEndian(new byte[values.length * 8]);
    for (double value : values) data.putDouble(value);
    return new Sent(index, "FP64", 0, new int[] {values.length}, data.array());
  }

  /** INT32 data of shape [n]. */
  public static Sent int32(int index, int... values) {
    ByteBuffer data = littleEndian(new byte[values.length * 4]);
    for (int value : values) data.putInt(value);
    return new Sent(index, "INT32", 0, new int[] {values.length}, data.array());
  }

  /** BYTES data of shape [n]. */
  public static Sent bytes(int index, String... values) {
    ByteArrayOutputStream data = new ByteArrayOutputStream();
    for (String value : values) {
      byte[] text = value.getBytes(StandardCharsets.UTF_8);
      data.writeBytes(littleEndian(new byte[4]).putInt(0, text.length).array());
      data.writeBytes(text);
    }
    return new Sent(index, "BYTES", 0, new int[] {values.length}, data.toByteArray());
  }

  /** The texts of BYTES data. */
  public static List<String> texts(ByteBuffer data) {
    List<String> texts = new ArrayList<>();
    while (data.hasRemaining()) {
      byte[] text = new byte[data.getInt()];
      data.get(text);
      texts.add(new String(text, StandardCharsets.UTF_8));
    }
    return texts;
  }
}
