// The Java harness: loads one model and serves it over the protocol of
// proto/harness/v1/PROTOCOL.md.
package idiom;

import idiom.protocol.Transport;

/** Starts the session. Until HELLO nothing is touched that costs start-up time. */
public final class Main {
  /** The status after a failure of the harness itself: EX_SOFTWARE, as for a violation. */
  private static final int BROKEN = 70;

  private Main() {}

  public static void main(String[] arguments) {
    // Elsewhere than in a call nobody can be told of exhausted memory, and a model whose threads
    // die may hang: better to end and be started anew.
    Thread.setDefaultUncaughtExceptionHandler(
        new Thread.UncaughtExceptionHandler() {
          @Override
          public void uncaughtException(Thread thread, Throwable thrown) {
            if (thrown instanceof OutOfMemoryError) Exit.now(Exit.OUT_OF_MEMORY);
            thrown.printStackTrace();
          }
        });
    try {
      Session session = new Session(Transport.open());
      session.run();
    } catch (Throwable thrown) {
      thrown.printStackTrace();
      Exit.now(thrown instanceof OutOfMemoryError ? Exit.OUT_OF_MEMORY : BROKEN);
    }
  }
}
