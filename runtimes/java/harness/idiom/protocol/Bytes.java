// The memory of one frame: a byte array that grows, seen as little-endian numbers.
package idiom.protocol;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.DoubleBuffer;
import java.nio.FloatBuffer;
import java.nio.IntBuffer;
import java.nio.LongBuffer;
import java.nio.ShortBuffer;
import java.util.Arrays;

/**
 * Positions are bytes from the start of the array. The bulk methods want them aligned to the size
 * of the number, which tensor data always is: a body starts at 16 and its tensors at multiples of
 * 8.
 *
 * <p>The array lies on the heap, so that -Xmx is the only limit it knows: direct memory has one of
 * its own, smaller than the largest frame.
 */
public final class Bytes {
  private byte[] array;
  private ByteBuffer numbers;
  private ShortBuffer shorts;
  private IntBuffer ints;
  private LongBuffer longs;
  private FloatBuffer floats;
  private DoubleBuffer doubles;

  public Bytes(int capacity) {
    use(new byte[capacity]);
  }

  private void use(byte[] array) {
    this.array = array;
    numbers = ByteBuffer.wrap(array).order(ByteOrder.LITTLE_ENDIAN);
    shorts = numbers.asShortBuffer();
    ints = numbers.asIntBuffer();
    longs = numbers.asLongBuffer();
    floats = numbers.asFloatBuffer();
    doubles = numbers.asDoubleBuffer();
  }

  /** The array itself; another one after it has grown. */
  public byte[] array() {
    return array;
  }

  public int capacity() {
    return array.length;
  }

  /** Makes room for at least {@code capacity} bytes and keeps what is there. */
  public void ensure(int capacity) {
    if (capacity > array.length) {
      use(Arrays.copyOf(array, (int) Math.max(capacity, Math.min(array.length * 2L, 1 << 24))));
    }
  }

  /** Gives memory back after a large frame; keeps the first {@code length} bytes. */
  void shrink(int capacity, int length) {
    byte[] smaller = new byte[capacity];
    System.arraycopy(array, 0, smaller, 0, length);
    use(smaller);
  }

  public byte getByte(int at) {
    return array[at];
  }

  public void putByte(int at, byte value) {
    array[at] = value;
  }

  public short getShort(int at) {
    return numbers.getShort(at);
  }

  public void putShort(int at, short value) {
    numbers.putShort(at, value);
  }

  public int getInt(int at) {
    return numbers.getInt(at);
  }

  public void putInt(int at, int value) {
    numbers.putInt(at, value);
  }

  public long getLong(int at) {
    return numbers.getLong(at);
  }

  public void putLong(int at, long value) {
    numbers.putLong(at, value);
  }

  public void get(int at, byte[] to) {
    System.arraycopy(array, at, to, 0, to.length);
  }

  public void put(int at, byte[] from) {
    System.arraycopy(from, 0, array, at, from.length);
  }

  public void get(int at, short[] to) {
    shorts.get(at >> 1, to, 0, to.length);
  }

  public void put(int at, short[] from) {
    shorts.put(at >> 1, from, 0, from.length);
  }

  public void get(int at, int[] to) {
    ints.get(at >> 2, to, 0, to.length);
  }

  public void put(int at, int[] from) {
    ints.put(at >> 2, from, 0, from.length);
  }

  public void get(int at, long[] to) {
    longs.get(at >> 3, to, 0, to.length);
  }

  public void put(int at, long[] from) {
    longs.put(at >> 3, from, 0, from.length);
  }

  public void get(int at, float[] to) {
    floats.get(at >> 2, to, 0, to.length);
  }

  public void put(int at, float[] from) {
    floats.put(at >> 2, from, 0, from.length);
  }

  public void get(int at, double[] to) {
    doubles.get(at >> 3, to, 0, to.length);
  }

  public void put(int at, double[] from) {
    doubles.put(at >> 3, from, 0, from.length);
  }
}
