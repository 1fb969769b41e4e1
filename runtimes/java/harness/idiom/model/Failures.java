// Turns what was thrown into the body of an ERROR or a FAILED.
package idiom.model;

import idiom.protocol.ErrorKind;
import idiom.protocol.Failure;
import idiom.protocol.Refusal;
import java.util.ArrayList;
import java.util.List;

/** The traceback has the lines of the author's own classes alone. */
public final class Failures {
  private final ModelClasses classes;

  public Failures(ModelClasses classes) {
    this.classes = classes;
  }

  /** What went wrong while the model was called. */
  public Failure whileServing(Throwable thrown) {
    if (thrown instanceof Refusal refusal) return Failure.of(refusal.kind(), refusal.getMessage());
    return failure(isOutOfMemory(thrown) ? ErrorKind.OUT_OF_MEMORY : ErrorKind.MODEL_ERROR, thrown);
  }

  /** What stopped the model on CANCEL. */
  public Failure whileCancelled(Throwable thrown) {
    return failure(ErrorKind.CANCELLED, thrown);
  }

  /** What went wrong while the model was loaded. */
  public Failure whileLoading(Throwable thrown) {
    if (thrown instanceof Refusal refusal) return Failure.of(refusal.kind(), refusal.getMessage());
    if (thrown instanceof ExceptionInInitializerError && thrown.getCause() != null) {
      thrown = thrown.getCause();
    }
    if (isOutOfMemory(thrown)) return failure(ErrorKind.OUT_OF_MEMORY, thrown);
    String missing = missingClass(thrown);
    if (missing == null) return failure(ErrorKind.LOAD_FAILED, thrown);
    Failure failure = failure(ErrorKind.MISSING_PACKAGE, thrown);
    int dot = missing.lastIndexOf('.');
    String message =
        dot < 0
            ? "the class " + missing + " is in no library of the model"
            : ("the package %s is in no library of the model (class %s):"
                    + " add the jar that holds it to pom.xml")
                .formatted(missing.substring(0, dot), missing);
    return new Failure(failure.kind(), failure.type(), message, failure.traceback());
  }

  // A thread pool of the model wraps what its threads threw.
  private static boolean isOutOfMemory(Throwable thrown) {
    for (int depth = 0; thrown != null && depth < 16; depth++, thrown = thrown.getCause()) {
      if (thrown instanceof OutOfMemoryError) return true;
    }
    return false;
  }

  // "Could not initialize class X" and "X (wrong name: Y)" are no missing classes.
  private static String missingClass(Throwable thrown) {
    boolean missing =
        thrown instanceof NoClassDefFoundError || thrown instanceof ClassNotFoundException;
    String name = thrown.getMessage();
    if (!missing || name == null || name.indexOf(' ') >= 0) return null;
    return name.replace('/', '.');
  }

  private Failure failure(ErrorKind kind, Throwable thrown) {
    return new Failure(kind, typeOf(thrown), messageOf(thrown), traceback(thrown));
  }

  private static String typeOf(Throwable thrown) {
    Class<?> type = thrown.getClass();
    while (type.isAnonymousClass()) type = type.getSuperclass();
    return type.getSimpleName();
  }

  // getMessage is the author's code too.
  private static String messageOf(Throwable thrown) {
    try {
      String message = thrown.getMessage();
      return message == null ? "" : message;
    } catch (RuntimeException e) {
      return "";
    }
  }

  private List<String> traceback(Throwable thrown) {
    List<String> lines = new ArrayList<>();
    StackTraceElement[] frames = thrown.getStackTrace();
    for (int i = frames.length - 1; i >= 0; i--) {
      StackTraceElement frame = frames[i];
      if (frame.getFileName() == null || !classes.isOwn(frame.getClassName())) continue;
      String source = classes.sourceOf(frame.getClassName(), frame.getFileName());
      lines.add(source + ":" + frame.getLineNumber() + " in " + function(frame.getMethodName()));
    }
    return lines;
  }

  // The compiler calls the body of a lambda in predict lambda$predict$0.
  private static String function(String method) {
    if (!method.startsWith("lambda$")) return method;
    int end = method.lastIndexOf('$');
    return end > 7 ? method.substring(7, end) : method;
  }
}
