// What the model can see of the harness: nothing.
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
class IsolationTest {
  @TempDir Path folder;

  @Test
  void theModelSeesNoClassOfTheHarnessAndNoInput() throws Exception {
    String source =
        """
        public class Model {
          public String predict(String name) throws Exception {
            if (System.in.read() != -1) return "input";
            ClassLoader context = Thread.currentThread().getContextClassLoader();
            if (context != Model.class.getClassLoader()) return "loader";
            try {
              Class.forName(name);
              return "seen";
            } catch (ClassNotFoundException e) {
              return "hidden";
            }
          }
        }
        """;
    List<Map<String, Object>> inputs = List.of(tensor("name", "BYTES", -1));
    try (Child child =
        new Child(ModelFolder.of(folder, source))
            .ready(inputs, List.of(tensor("y", "BYTES", -1)))) {
      Wire.Result result =
          child.infer(1, new int[] {1}, Wire.bytes(0, "idiom.protocol.Json")).result();
      assertEquals(List.of("hidden"), Wire.texts(result.data(0)));
    }
  }
}
