// The transport: file descriptor 3, one end of a socket pair, both directions.
package idiom.protocol;

import java.io.FileDescriptor;
import java.io.FileInputStream;
import java.io.FileOutputStream;
import java.io.InputStream;
import java.io.OutputStream;
import java.lang.reflect.Constructor;

/**
 * Plain file streams on the descriptor that the host left open.
 *
 * <p>{@code System.inheritedChannel()} is as fast, but it closes itself when a thread is
 * interrupted in it, as a model may do at any time, and it wants the socket as standard input,
 * which a model and its child processes can read. Descriptor 3 stays closed to both.
 */
public record Transport(InputStream in, OutputStream out) {
  private static final int FD = 3;

  /** Opens it once, at start-up. */
  public static Transport open() throws ReflectiveOperationException {
    // No public API makes a FileDescriptor of a number; the jar's manifest opens java.io for this.
    Constructor<FileDescriptor> constructor =
        FileDescriptor.class.getDeclaredConstructor(int.class);
    constructor.setAccessible(true);
    FileDescriptor descriptor = constructor.newInstance(FD);
    return new Transport(new FileInputStream(descriptor), new FileOutputStream(descriptor));
  }
}
