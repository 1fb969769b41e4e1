// Writes frames, each with one write.
package idiom.protocol;

import java.io.IOException;
import java.io.OutputStream;
import java.nio.charset.StandardCharsets;
import java.util.Map;

/** Safe for several threads: a frame never lands inside another. */
public final class FrameWriter {
  // FileOutputStream copies each write through malloc.
  private static final int LARGEST_WRITE = 1 << 20;

  private final OutputStream out;

  public FrameWriter(OutputStream out) {
    this.out = out;
  }

  /** Writes a control frame. */
  public void json(FrameType type, long id, Map<String, ?> body) throws IOException {
    text(type, id, Json.write(body));
  }

  /** Writes a control frame whose body is written already. */
  public void text(FrameType type, long id, String json) throws IOException {
    byte[] body = json.getBytes(StandardCharsets.UTF_8);
    Bytes frame = new Bytes(FrameReader.HEADER + body.length);
    header(frame, type, id, body.length);
    frame.put(FrameReader.HEADER, body);
    frame(frame, FrameReader.HEADER + body.length);
  }

  /**
   * Writes the frame that begins {@code frame} and is {@code length} bytes long, header included.
   */
  public synchronized void frame(Bytes frame, int length) throws IOException {
    for (int at = 0; at < length; at += LARGEST_WRITE) {
      out.write(frame.array(), at, Math.min(LARGEST_WRITE, length - at));
    }
  }

  static void header(Bytes frame, FrameType type, long id, int bodyLength) {
    frame.putInt(0, bodyLength);
    frame.putInt(4, type.code);
    frame.putLong(8, id);
  }
}
