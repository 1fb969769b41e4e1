// Soft cancel, with a real process.
package idiom;

import static idiom.support.Child.tensor;
import static org.junit.jupiter.api.Assertions.assertEquals;

import idiom.support.Child;
import idiom.support.Child.Frame;
import idiom.support.ModelFolder;
import idiom.support.Wire;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

@Timeout(60)
class CancelTest {
  private static final String REASON = "{\"reason\":\"cancelled\"}";
  private static final List<Map<String, Object>> X = List.of(tensor("x", "INT32", -1));
  private static final List<Map<String, Object>> Y = List.of(tensor("y", "INT32", -1));

  @TempDir Path folder;

  @Test
  void stopsTheCall() throws Exception {
    String sleeps =
        """
        public class Model {
          public int[] predict(int[] x) throws InterruptedException {
            Thread.sleep(x[0]);
            return x;
          }
        }
        """;
    try (Child child = new Child(ModelFolder.of(folder, sleeps)).ready(X, Y)) {
      for (long id = 1; id < 4; id++) {
        child.send(Child.INFER, id, Wire.infer(new int[] {1}, Wire.int32(0, 100_000)));
        child.send(Child.CANCEL, id, REASON);
        Frame error = child.expect(Child.ERROR);
        assertEquals(id, error.id());
        assertEquals("CANCELLED", error.json().get("kind"));
        assertEquals(List.of("Model.java:3 in predict"), error.json().get("traceback"));
      }
      assertEquals(0, child.infer(9, new int[] {1}, Wire.int32(0, 0)).result().data(0).getInt());
    }
  }

  @Test
  void stopsAFunctionOfRowsAltogether() throws Exception {
    String spins =
        """
        public class Model {
          public int predict(int x) {
            while (!Thread.currentThread().isInterrupted()) Thread.onSpinWait();
            Thread.interrupted();
            return x;
          }
        }
        """;
    try (Child child = new Child(ModelFolder.of(folder, spins)).ready(X, Y)) {
      child.send(Child.INFER, 1, Wire.infer(new int[] {1, 2}, Wire.int32(0, 1, 2, 3)));
      child.send(Child.CANCEL, 1, REASON);
      assertEquals("CANCELLED", child.expect(Child.ERROR).json().get("kind"));
    }
  }

  @Test
  void ofAnotherFrameDoesNothing() throws Exception {
    String echo = "public class Model { public int[] predict(int[] x) { return x; } }";
    try (Child child = new Child(ModelFolder.of(folder, echo)).ready(X, Y)) {
      child.send(Child.CANCEL, 1, REASON);
      child.infer(2, new int[] {1}, Wire.int32(0, 5)).result();
      child.send(Child.CANCEL, 2, REASON);
      assertEquals(6, child.infer(3, new int[] {1}, Wire.int32(0, 6)).result().data(0).getInt());
    }
  }

  @Test
  void anInterruptOfTheModelsOwnHurtsNothing() throws Exception {
    String interrupts =
        """
        public class Model {
          public int[] predict(int[] x) throws InterruptedException {
            Thread main = Thread.currentThread();
            main.interrupt();
            Thread late = new Thread(() -> {
              for (int i = 0; i < 1000; i++) {
                main.interrupt();
                Thread.onSpinWait();
              }
            });
            late.start();
            return x;
          }
        }
        """;
    try (Child child = new Child(ModelFolder.of(folder, interrupts)).ready(X, Y)) {
      for (int i = 0; i < 100; i++) {
        assertEquals(
            i, child.infer(1 + i, new int[] {1}, Wire.int32(0, i)).result().data(0).getInt());
      }
    }
  }
}
