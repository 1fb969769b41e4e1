// The life of the instance: HELLO, INIT, LOADED, BIND, READY, then one INFER after the other.
package idiom;

import idiom.calling.Binding;
import idiom.model.Entry;
import idiom.model.EntryFinder;
import idiom.model.Failures;
import idiom.model.Hints;
import idiom.model.ModelClasses;
import idiom.model.Parameters;
import idiom.protocol.ErrorKind;
import idiom.protocol.Failure;
import idiom.protocol.FrameReader;
import idiom.protocol.FrameType;
import idiom.protocol.FrameWriter;
import idiom.protocol.Refusal;
import idiom.protocol.TensorSpec;
import idiom.protocol.Transport;
import idiom.protocol.Violation;
import java.io.File;
import java.io.IOException;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.Map;

/** Runs on the main thread, which also runs the model. */
final class Session {
  private static final int PROTOCOL_VERSION = 1;

  private final FrameReader reader;
  private final FrameWriter writer;
  private final CancelWatch watch;

  private Init init;
  private Failures failures;
  private Entry entry;
  private Parameters parameters;

  Session(Transport transport) {
    reader = new FrameReader(transport.in());
    writer = new FrameWriter(transport.out());
    watch = new CancelWatch(reader, writer);
  }

  /** Serves until the host ends it; every way out ends the process. */
  void run() {
    try {
      sayHello();
      await(FrameType.INIT);
      init = Init.of(reader.json());
      reader.setMaxFrame(init.maxFrame());
      load();
      await(FrameType.BIND);
      serve(bind());
    } catch (Violation violation) {
      end(writer, violation);
    } catch (IOException e) {
      Exit.now(Exit.HOST_GONE);
    }
  }

  /** Answers a violation and ends. */
  static void end(FrameWriter writer, Violation violation) {
    try {
      writer.json(
          FrameType.FAILED, 0, Failure.of(ErrorKind.PROTOCOL, violation.getMessage()).toFailed());
    } catch (IOException e) {
      // Nobody is left to be told.
    }
    Exit.now(Exit.VIOLATION);
  }

  private void sayHello() throws IOException {
    Map<String, Object> hello = new LinkedHashMap<>();
    hello.put("protocol", PROTOCOL_VERSION);
    hello.put("language", "java");
    hello.put("language_version", System.getProperty("java.version"));
    hello.put("pid", pid());
    hello.put("features", new ArrayList<>());
    writer.json(FrameType.HELLO, 0, hello);
  }

  // ProcessHandle starts threads and costs 30 ms; the kernel's own link costs nothing.
  private static long pid() throws IOException {
    String name = new File("/proc/self").getCanonicalFile().getName();
    try {
      return Long.parseLong(name);
    } catch (NumberFormatException e) {
      return ProcessHandle.current().pid();
    }
  }

  /** Reads frames until one of type {@code wanted}; answers what may come at any time. */
  private void await(FrameType wanted) throws IOException, Violation {
    for (; ; ) {
      if (!watch.next()) Exit.now(Exit.HOST_GONE);
      FrameType type = reader.type();
      if (type == wanted) return;
      switch (type) {
        case PING:
          reader.json();
          writer.text(FrameType.PONG, reader.id(), "{}");
          break;
        case CANCEL:
          // Its INFER was answered already.
          reader.json();
          break;
        case DRAIN:
          reader.json();
          writer.text(FrameType.BYE, 0, "{}");
          Exit.drained();
          break;
        default:
          throw new Violation(type + " came where " + wanted + " was due");
      }
    }
  }

  private void load() throws IOException {
    ModelClasses classes = new ModelClasses(init.folder(), init.libraries());
    failures = new Failures(classes);
    Thread.currentThread().setContextClassLoader(classes.loader());
    watch.start();
    watch.begin(0);
    Map<String, Object> loaded = new LinkedHashMap<>();
    try {
      entry = new EntryFinder(classes).find(init.entry());
      parameters = Parameters.of(entry.method());
      entry.instantiate();
      loaded.put("entry", entry.name());
      loaded.put("hints", Hints.of(parameters, entry.method().getGenericReturnType()));
      loaded.put("artifact", null);
    } catch (Throwable thrown) {
      fail(failures.whileLoading(thrown));
    }
    watch.end();
    flushLog();
    writer.json(FrameType.LOADED, 0, loaded);
  }

  private Binding bind() throws IOException, Violation {
    Map<String, Object> body = reader.json();
    Binding binding = null;
    try {
      binding =
          new Binding(
              entry,
              parameters,
              init.perRow(),
              init.contentType(),
              TensorSpec.listOf(body, "inputs"),
              TensorSpec.listOf(body, "outputs"),
              init.maxFrame(),
              failures);
    } catch (Refusal refusal) {
      fail(Failure.of(refusal.kind(), refusal.getMessage()));
    }
    writer.json(FrameType.READY, 0, Map.of("convention", binding.convention()));
    return binding;
  }

  private void fail(Failure failure) throws IOException {
    flushLog();
    writer.json(FrameType.FAILED, 0, failure.toFailed());
    Exit.now(Exit.LOAD_FAILED);
  }

  private void serve(Binding binding) throws IOException, Violation {
    for (; ; ) {
      await(FrameType.INFER);
      long id = reader.id();
      int length = 0;
      Failure failure = null;
      try {
        binding.read(reader);
        watch.begin(id);
        length = binding.answer(watch);
      } catch (Violation violation) {
        throw violation;
      } catch (Throwable thrown) {
        failure =
            watch.isCancelled() ? failures.whileCancelled(thrown) : failures.whileServing(thrown);
      } finally {
        watch.end();
      }
      flushLog();
      if (failure == null) {
        writer.frame(binding.result(), length);
      } else {
        writer.json(FrameType.ERROR, id, failure.toError());
      }
    }
  }

  // What the model printed is in the log before its answer is at the host.
  private static void flushLog() {
    System.out.flush();
    System.err.flush();
  }
}
