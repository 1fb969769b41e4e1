// How the process ends.
package idiom;

/** Statuses, and an end that nothing can hold up. */
final class Exit {
  static final int HOST_GONE = 0;
  static final int LOAD_FAILED = 1;
  static final int OUT_OF_MEMORY = 3;
  static final int VIOLATION = 70;

  private Exit() {}

  /** Ends at once: without the shutdown hooks of the model, which may hang. */
  static void now(int status) {
    Runtime.getRuntime().halt(status);
  }

  /** Ends in order, after the last frame: the model's shutdown hooks run. */
  static void drained() {
    System.exit(0);
  }
}
