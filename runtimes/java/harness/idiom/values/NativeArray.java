// Moves a row of numbers between a frame and an array of the data type's native element, in bulk.
package idiom.values;

import idiom.protocol.Bytes;
import idiom.protocol.DataType;

/** One for each data type of numbers. */
enum NativeArray {
  BOOL {
    @Override
    Object read(Bytes bytes, int at, int count) {
      boolean[] array = new boolean[count];
      for (int i = 0; i < count; i++) array[i] = bytes.getByte(at + i) != 0;
      return array;
    }

    @Override
    int write(Bytes bytes, int at, Object from) {
      boolean[] array = (boolean[]) from;
      for (int i = 0; i < array.length; i++) bytes.putByte(at + i, (byte) (array[i] ? 1 : 0));
      return FITS;
    }
  },
  UINT8 {
    @Override
    Object read(Bytes bytes, int at, int count) {
      short[] array = new short[count];
      for (int i = 0; i < count; i++) array[i] = (short) (bytes.getByte(at + i) & 0xff);
      return array;
    }

    @Override
    int write(Bytes bytes, int at, Object from) {
      short[] array = (short[]) from;
      for (int i = 0; i < array.length; i++) {
        if ((array[i] & 0xff) != array[i]) return i;
        bytes.putByte(at + i, (byte) array[i]);
      }
      return FITS;
    }
  },
  UINT16 {
    @Override
    Object read(Bytes bytes, int at, int count) {
      int[] array = new int[count];
      for (int i = 0; i < count; i++) array[i] = bytes.getShort(at + 2 * i) & 0xffff;
      return array;
    }

    @Override
    int write(Bytes bytes, int at, Object from) {
      int[] array = (int[]) from;
      for (int i = 0; i < array.length; i++) {
        if ((array[i] & 0xffff) != array[i]) return i;
        bytes.putShort(at + 2 * i, (short) array[i]);
      }
      return FITS;
    }
  },
  UINT32 {
    @Override
    Object read(Bytes bytes, int at, int count) {
      long[] array = new long[count];
      for (int i = 0; i < count; i++) array[i] = bytes.getInt(at + 4 * i) & 0xffffffffL;
      return array;
    }

    @Override
    int write(Bytes bytes, int at, Object from) {
      long[] array = (long[]) from;
      for (int i = 0; i < array.length; i++) {
        if ((array[i] & 0xffffffffL) != array[i]) return i;
        bytes.putInt(at + 4 * i, (int) array[i]);
      }
      return FITS;
    }
  },
  INT8 {
    @Override
    Object read(Bytes bytes, int at, int count) {
      byte[] array = new byte[count];
      bytes.get(at, array);
      return array;
    }

    @Override
    int write(Bytes bytes, int at, Object from) {
      bytes.put(at, (byte[]) from);
      return FITS;
    }
  },
  INT16 {
    @Override
    Object read(Bytes bytes, int at, int count) {
      short[] array = new short[count];
      bytes.get(at, array);
      return array;
    }

    @Override
    int write(Bytes bytes, int at, Object from) {
      bytes.put(at, (short[]) from);
      return FITS;
    }
  },
  INT32 {
    @Override
    Object read(Bytes bytes, int at, int count) {
      int[] array = new int[count];
      bytes.get(at, array);
      return array;
    }

    @Override
    int write(Bytes bytes, int at, Object from) {
      bytes.put(at, (int[]) from);
      return FITS;
    }
  },
  /** INT64, and UINT64 with its bits kept. */
  INT64 {
    @Override
    Object read(Bytes bytes, int at, int count) {
      long[] array = new long[count];
      bytes.get(at, array);
      return array;
    }

    @Override
    int write(Bytes bytes, int at, Object from) {
      bytes.put(at, (long[]) from);
      return FITS;
    }
  },
  FP16 {
    @Override
    Object read(Bytes bytes, int at, int count) {
      float[] array = new float[count];
      for (int i = 0; i < count; i++) array[i] = Half.fromFp16(bytes.getShort(at + 2 * i));
      return array;
    }

    @Override
    int write(Bytes bytes, int at, Object from) {
      float[] array = (float[]) from;
      for (int i = 0; i < array.length; i++) bytes.putShort(at + 2 * i, Half.toFp16(array[i]));
      return FITS;
    }
  },
  BF16 {
    @Override
    Object read(Bytes bytes, int at, int count) {
      float[] array = new float[count];
      for (int i = 0; i < count; i++) array[i] = Half.fromBf16(bytes.getShort(at + 2 * i));
      return array;
    }

    @Override
    int write(Bytes bytes, int at, Object from) {
      float[] array = (float[]) from;
      for (int i = 0; i < array.length; i++) bytes.putShort(at + 2 * i, Half.toBf16(array[i]));
      return FITS;
    }
  },
  FP32 {
    @Override
    Object read(Bytes bytes, int at, int count) {
      float[] array = new float[count];
      bytes.get(at, array);
      return array;
    }

    @Override
    int write(Bytes bytes, int at, Object from) {
      bytes.put(at, (float[]) from);
      return FITS;
    }
  },
  FP64 {
    @Override
    Object read(Bytes bytes, int at, int count) {
      double[] array = new double[count];
      bytes.get(at, array);
      return array;
    }

    @Override
    int write(Bytes bytes, int at, Object from) {
      bytes.put(at, (double[]) from);
      return FITS;
    }
  };

  /** What {@link #write} returns when every element fits. */
  static final int FITS = -1;

  /** The one for a data type; null for BYTES. */
  static NativeArray of(DataType datatype) {
    if (datatype == DataType.BYTES) return null;
    return datatype == DataType.UINT64 ? INT64 : valueOf(datatype.name());
  }

  /** An array of the {@code count} elements that begin at {@code at}. */
  abstract Object read(Bytes bytes, int at, int count);

  /**
   * Writes all of an array, for which there is room; returns the first index that does not fit, or
   * FITS.
   */
  abstract int write(Bytes bytes, int at, Object array);
}
