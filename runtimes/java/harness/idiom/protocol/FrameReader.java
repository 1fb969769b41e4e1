// Reads frames: header, limit, type. Knows nothing of what the bodies mean.
package idiom.protocol;

import java.io.IOException;
import java.io.InputStream;
import java.util.Map;

/**
 * The frame that was read last lies at the start of {@link #bytes()} and stays until the next one
 * is read. A frame that has arrived whole costs one system call.
 */
public final class FrameReader {
  /** Bytes before the body. */
  public static final int HEADER = 16;

  public static final int DEFAULT_MAX_FRAME = 64 << 20;

  // Up to 8 KiB FileInputStream reads through the stack, beyond it through malloc.
  private static final int SMALL_READ = 8 << 10;
  private static final int LARGE_READ = 1 << 20;
  private static final int CAPACITY = 64 << 10;
  private static final int KEEP = 8 << 20;

  private final InputStream in;
  private final Bytes bytes = new Bytes(CAPACITY);
  private int maxFrame = DEFAULT_MAX_FRAME;
  private int filled;
  private int frameEnd;
  private FrameType type;
  private long id;

  public FrameReader(InputStream in) {
    this.in = in;
  }

  /** The limit of a body's length that INIT gave. */
  public void setMaxFrame(int maxFrame) {
    this.maxFrame = maxFrame;
  }

  /**
   * Reads the next frame.
   *
   * @return false at end-of-file: the host is gone
   */
  public boolean next() throws IOException, Violation {
    dropFrame();
    if (!fill(HEADER)) return false;
    int length = bytes.getInt(0);
    if (length < 0 || length > maxFrame) {
      throw new Violation(
          "a body of " + Integer.toUnsignedString(length) + " bytes; the limit is " + maxFrame);
    }
    type = FrameType.of(bytes.getByte(4) & 0xff);
    id = bytes.getLong(8);
    frameEnd = HEADER + length;
    return fill(frameEnd);
  }

  public FrameType type() {
    return type;
  }

  public long id() {
    return id;
  }

  /** The frame; its body begins at {@link #HEADER}. */
  public Bytes bytes() {
    return bytes;
  }

  public int bodyLength() {
    return frameEnd - HEADER;
  }

  /** The body of a control frame. */
  public Map<String, Object> json() throws Violation {
    return Json.parse(bytes.array(), HEADER, bodyLength());
  }

  // A frame always starts at 0, where its tensors are aligned; what was read beyond the last one
  // moves there. With one frame in flight that is nothing.
  private void dropFrame() {
    filled -= frameEnd;
    if (filled > 0) System.arraycopy(bytes.array(), frameEnd, bytes.array(), 0, filled);
    frameEnd = 0;
    if (bytes.capacity() > KEEP && filled <= CAPACITY) bytes.shrink(CAPACITY, filled);
  }

  private boolean fill(int wanted) throws IOException {
    bytes.ensure(wanted);
    while (filled < wanted) {
      int size = Math.min(Math.max(SMALL_READ, wanted - filled), LARGE_READ);
      int count = in.read(bytes.array(), filled, Math.min(size, bytes.capacity() - filled));
      if (count < 0) return false;
      filled += count;
    }
    return true;
  }
}
