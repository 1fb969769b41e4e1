// What breaks the protocol: the stream cannot be trusted any more.
package idiom.protocol;

/** A frame that PROTOCOL.md does not allow; the harness answers FAILED and exits with status 70. */
public final class Violation extends Exception {
  public Violation(String message) {
    super(message);
  }
}
