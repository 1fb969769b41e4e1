// What the harness itself refuses, as opposed to what the author's code throws.
package idiom.protocol;

/** Carries the kind and the message of an ERROR or a FAILED. */
public final class Refusal extends Exception {
  private final ErrorKind kind;

  public Refusal(ErrorKind kind, String message) {
    // Without a stack trace: it would show the harness's lines, never the author's.
    super(message, null, false, false);
    this.kind = kind;
  }

  public ErrorKind kind() {
    return kind;
  }
}
