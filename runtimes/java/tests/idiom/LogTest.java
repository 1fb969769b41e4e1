// What the model prints is log, promptly, and never on the transport.
package idiom;

import static idiom.support.Child.tensor;
import static org.junit.jupiter.api.Assertions.assertEquals;

import idiom.support.Child;
import idiom.support.ModelFolder;
import idiom.support.Wire;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

@Timeout(60)
class LogTest {
  private static final List<Map<String, Object>> X = List.of(tensor("x", "INT32", -1));
  private static final List<Map<String, Object>> Y = List.of(tensor("y", "INT32", -1));

  @TempDir Path folder;

  @Test
  void printsArriveAsTheyAre() throws Exception {
    String source =
        """
        public class Model {
          public Model() {
            System.out.print("loads, ");
          }

          public int[] predict(int[] x) throws Exception {
            System.out.println("größer");
            new ProcessBuilder("cat").inheritIO().start().waitFor();
            new ProcessBuilder("echo", "from a child").inheritIO().start().waitFor();
            System.out.write(0xff);
            System.out.print("no line");
            return x;
          }
        }
        """;
    try (Child child = new Child(ModelFolder.of(folder, source)).ready(X, Y)) {
      assertEquals(5, child.infer(1, new int[] {1}, Wire.int32(0, 5)).result().data(0).getInt());
      // All of it is there although neither the line nor the buffer was full.
      assertEquals(
          "loads, gr\u00c3\u00b6\u00c3\u009fer\nfrom a child\n\u00ffno line",
          child.outputUpTo("no line"));
    }
  }

  @Test
  void aLineArrivesWhileTheCallRuns() throws Exception {
    String source =
        """
        public class Model {
          public int[] predict(int[] x) throws InterruptedException {
            System.out.println("begins");
            Thread.sleep(100_000);
            return x;
          }
        }
        """;
    try (Child child = new Child(ModelFolder.of(folder, source)).ready(X, Y)) {
      child.send(Child.INFER, 1, Wire.infer(new int[] {1}, Wire.int32(0, 5)));
      assertEquals("begins\n", child.outputUpTo("begins\n"));
    }
  }
}
