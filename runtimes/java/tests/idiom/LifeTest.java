// The life of an instance, with a real process: from HELLO to each of its ends.
package idiom;

import static idiom.support.Child.tensor;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import idiom.support.Child;
import idiom.support.Child.Frame;
import idiom.support.ModelFolder;
import idiom.support.Vectors;
import idiom.support.Wire;
import java.math.BigDecimal;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

@Timeout(60)
class LifeTest {
  private static final String DOUBLES =
      """
      public class Model {
        public int[] predict(int[] x) throws InterruptedException {
          if (x[0] < 0) Thread.sleep(100_000);
          for (int i = 0; i < x.length; i++) x[i] *= 2;
          return x;
        }
      }
      """;
  private static final List<Map<String, Object>> X = List.of(tensor("x", "INT32", -1));
  private static final List<Map<String, Object>> Y = List.of(tensor("y", "INT32", -1));

  @TempDir Path folder;

  @Test
  void servesUntilItIsDrained() throws Exception {
    try (Child child = new Child(ModelFolder.of(folder, DOUBLES))) {
      Map<String, Object> loaded = child.init().json();
      assertEquals("Model.java:predict", loaded.get("entry"));
      assertEquals(Map.of("convention", "tensor"), child.bind(X, Y).json());
      for (long id = 1; id < 4; id++) {
        Frame answer = child.infer(id, new int[] {1, 2}, Wire.int32(0, 1, 2, 3));
        assertEquals(id, answer.id());
        assertEquals(List.of(1, 2), answer.result().rows());
        assertEquals(6, answer.result().data(0).getInt(8));
      }
      child.send(Child.DRAIN, 0, "{}");
      child.expect(Child.BYE);
      assertEquals(0, child.exitStatus());
    }
  }

  @Test
  void saysWhoItIs() throws Exception {
    try (Child child = new Child(ModelFolder.of(folder, DOUBLES))) {
      Map<String, Object> hello = child.expect(Child.HELLO).json();
      assertEquals(BigDecimal.ONE, hello.get("protocol"));
      assertEquals("java", hello.get("language"));
      assertEquals(System.getProperty("java.version"), hello.get("language_version"));
      assertEquals(List.of(), hello.get("features"));
      assertTrue(((BigDecimal) hello.get("pid")).intValueExact() > 1);
    }
  }

  @Test
  void answersPingsAtAnyTime() throws Exception {
    try (Child child = new Child(ModelFolder.of(folder, DOUBLES)).ready(X, Y)) {
      child.send(Child.PING, -1, "{}");
      assertEquals(-1, child.expect(Child.PONG).id());
      child.send(Child.INFER, 1, Wire.infer(new int[] {1}, Wire.int32(0, -1)));
      child.send(Child.PING, 7, "{}");
      assertEquals(7, child.expect(Child.PONG).id());
    }
  }

  @Test
  void anInferThatFollowsALongCallIsAnswered() throws Exception {
    try (Child child = new Child(ModelFolder.of(folder, DOUBLES)).ready(X, Y)) {
      child.send(Child.INFER, 1, Wire.infer(new int[] {1}, Wire.int32(0, -1)));
      child.send(Child.PING, 1, "{}");
      // The PONG shows that a second thread has taken over the reading.
      child.expect(Child.PONG);
      child.send(Child.CANCEL, 1, "{\"reason\":\"deadline\"}");
      child.expect(Child.ERROR);
      for (int i = 0; i < 3; i++) {
        assertEquals(
            8, child.infer(2 + i, new int[] {1}, Wire.int32(0, 4)).result().data(0).getInt());
      }
    }
  }

  @Test
  void exitsWhenTheHostIsGone() throws Exception {
    try (Child child = new Child(ModelFolder.of(folder, DOUBLES)).ready(X, Y)) {
      child.hangUp();
      assertEquals(0, child.exitStatus());
    }
  }

  @Test
  void exitsWhenTheHostIsGoneBeforeInit() throws Exception {
    try (Child child = new Child(ModelFolder.of(folder, DOUBLES))) {
      child.expect(Child.HELLO);
      child.hangUp();
      assertEquals(0, child.exitStatus());
    }
  }

  @Test
  void exitsWhenTheHostIsGoneWhileTheModelRuns() throws Exception {
    try (Child child = new Child(ModelFolder.of(folder, DOUBLES)).ready(X, Y)) {
      child.send(Child.INFER, 1, Wire.infer(new int[] {1}, Wire.int32(0, -1)));
      child.hangUp();
      assertEquals(0, child.exitStatus());
    }
  }

  @Test
  void exitsWhenTheHostIsGoneWhileTheModelLoads() throws Exception {
    String hangs =
        """
        public class Model {
          public Model() throws InterruptedException {
            System.out.println("hangs");
            Thread.sleep(100_000);
          }

          public int predict(int x) {
            return x;
          }
        }
        """;
    try (Child child = new Child(ModelFolder.of(folder, hangs))) {
      Thread init =
          new Thread(
              () -> {
                try {
                  child.init();
                } catch (Exception e) {
                  // Nothing is answered.
                }
              });
      init.start();
      child.outputUpTo("hangs\n");
      child.hangUp();
      assertEquals(0, child.exitStatus());
      init.join();
    }
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "length-over-limit",
        "result-to-harness",
        "rows-do-not-add-up",
        "json-invalid-utf8"
      })
  void endsOnAViolation(String name) throws Exception {
    Map<String, Object> vector =
        Vectors.cases("invalid.json", "violations").stream()
            .filter(candidate -> candidate.get("name").equals(name))
            .findFirst()
            .orElseThrow();
    List<Map<String, Object>> matrix = List.of(tensor("x", "FP32", -1, 2));
    String echo = "public class Model { public float[][] predict(float[][] x) { return x; } }";
    try (Child child = new Child(ModelFolder.of(folder, echo)).ready(matrix, matrix)) {
      child.write(Vectors.bytes(vector.get("stream")));
      assertEquals("PROTOCOL", child.expect(Child.FAILED).json().get("kind"));
      assertEquals(70, child.exitStatus());
    }
  }

  @Test
  void aTensorThatIsNotInTheSignatureIsAViolation() throws Exception {
    try (Child child = new Child(ModelFolder.of(folder, DOUBLES)).ready(X, Y)) {
      child.send(Child.INFER, 1, Wire.infer(new int[] {1}, Wire.fp64(0, 1)));
      assertEquals("PROTOCOL", child.expect(Child.FAILED).json().get("kind"));
      assertEquals(70, child.exitStatus());
    }
  }

  @Test
  void anInferBeforeReadyIsAViolation() throws Exception {
    try (Child child = new Child(ModelFolder.of(folder, DOUBLES))) {
      child.init();
      child.send(Child.INFER, 1, Wire.infer(new int[] {1}, Wire.int32(0, 1)));
      assertEquals("PROTOCOL", child.expect(Child.FAILED).json().get("kind"));
      assertEquals(70, child.exitStatus());
    }
  }

  @Test
  void largeFramesPassBothWays() throws Exception {
    try (Child child = new Child(ModelFolder.of(folder, DOUBLES)).ready(X, Y)) {
      int[] many = new int[200_000];
      many[many.length - 1] = 21;
      Wire.Result result = child.infer(1, new int[] {many.length}, Wire.int32(0, many)).result();
      assertEquals(42, result.data(0).getInt(4 * (many.length - 1)));
      assertEquals(2, child.infer(2, new int[] {1}, Wire.int32(0, 1)).result().data(0).getInt());
    }
  }
}
