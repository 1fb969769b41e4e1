// What goes wrong and how it is told, with a real process.
package idiom;

import static idiom.support.Child.tensor;
import static idiom.support.Child.with;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import idiom.support.Child;
import idiom.support.Child.Frame;
import idiom.support.ModelFolder;
import idiom.support.Wire;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

@Timeout(60)
class FailureTest {
  private static final List<Map<String, Object>> X = List.of(tensor("x", "INT32", -1));
  private static final List<Map<String, Object>> Y = List.of(tensor("y", "FP64", -1, 2));

  @TempDir Path folder;

  @Test
  void whileServing() throws Exception {
    String source =
        """
        import java.util.Arrays;
        import java.util.List;
        import java.util.Map;
        import java.util.stream.IntStream;

        public class Model {
          static class NegativeValue extends RuntimeException {
            NegativeValue(String message) {
              super(message);
            }
          }

          public Object predict(int[] x) {
            int n = x.length;
            return switch (x[0]) {
              case 0 -> new double[n][2];
              case 1 -> new double[n][3];
              case 2 -> new String[][] {{"a", "b"}};
              case 3 -> Map.of("z", 1);
              case 4 -> new double[n + 1][2];
              case 5 -> new double[][] {{1, 2}, {3}};
              case 6 -> null;
              case 7 -> List.of(1.0, 2.0);
              case 8 -> new double[1 << 20][2];
              case 10 -> new long[Integer.MAX_VALUE];
              case 11 -> recurse(x);
              case 12 -> IntStream.of(x).map(i -> fail(i)).sum();
              case 13 -> { throw new AssertionError(); }
              case 14 -> new Object[] {List.of(1, 2f)};
              case 15 -> new Double[][] {{null, 1.0}};
              default -> throw new IllegalStateException("no such case");
            };
          }

          private static Object recurse(int[] x) {
            return Arrays.asList(recurse(x));
          }

          private static int fail(int i) {
            throw new NegativeValue("x is negative: " + i);
          }
        }
        """;
    try (Child child = new Child(ModelFolder.of(folder, source)).ready(X, Y)) {
      assertEquals(Child.RESULT, ask(child, 0).type());
      assertFailure(
          "INVALID_OUTPUT",
          "output 'y': what came back has shape [1, 3], the signature says [-1, 2]",
          ask(child, 1));
      assertFailure("INVALID_OUTPUT", "output 'y': row 0: a String is no FP64", ask(child, 2));
      assertFailure(
          "INVALID_OUTPUT", "output 'y' is missing; the function returned [z]", ask(child, 3));
      assertFailure(
          "INVALID_OUTPUT", "output 'y': 2 rows came back for 1 rows of input", ask(child, 4));
      assertFailure(
          "INVALID_OUTPUT",
          "output 'y': row 1: it has 1 elements where the first has 2",
          ask(child, 5, 5));
      assertFailure("INVALID_OUTPUT", "output 'y': the function returned null", ask(child, 6));
      assertEquals("INVALID_OUTPUT", ask(child, 7).json().get("kind"));
      assertFailure(
          "RESULT_TOO_LARGE",
          "the answer is larger than a frame may be, 1048576 bytes",
          askUncounted(child, 8));
      assertEquals("OUT_OF_MEMORY", ask(child, 10).json().get("kind"));
      assertEquals("StackOverflowError", ask(child, 11).json().get("type"));
      Frame lambda = ask(child, 12);
      assertFailure("MODEL_ERROR", "x is negative: 12", lambda);
      assertEquals("NegativeValue", lambda.json().get("type"));
      assertEquals(
          List.of("Model.java:27 in predict", "Model.java:27 in predict", "Model.java:40 in fail"),
          lambda.json().get("traceback"));
      assertFailure("MODEL_ERROR", "", ask(child, 13));
      assertEquals(2, ask(child, 14).result().data(0).getDouble(8));
      assertTrue(Double.isNaN(ask(child, 15).result().data(0).getDouble()));
      assertFailure("MODEL_ERROR", "no such case", ask(child, 99));
    }
  }

  @Test
  void aModelThatExitsIsGone() throws Exception {
    String source =
        "public class Model { public int predict(int x) { System.exit(3); return x; } }";
    try (Child child =
        new Child(ModelFolder.of(folder, source)).ready(X, List.of(tensor("y", "INT32", -1)))) {
      child.send(Child.INFER, 1, Wire.infer(new int[] {1}, Wire.int32(0, 1)));
      assertEquals(3, child.exitStatus());
    }
  }

  @Test
  void exhaustedMemoryElsewhereEndsTheProcess() throws Exception {
    String source =
        """
        public class Model {
          public int predict(int x) throws InterruptedException {
            new Thread(() -> System.out.println(new long[Integer.MAX_VALUE].length)).start();
            Thread.sleep(100_000);
            return x;
          }
        }
        """;
    try (Child child =
        new Child(ModelFolder.of(folder, source)).ready(X, List.of(tensor("y", "INT32", -1)))) {
      child.send(Child.INFER, 1, Wire.infer(new int[] {1}, Wire.int32(0, 1)));
      assertEquals(3, child.exitStatus());
    }
  }

  @Test
  void whileLoading() throws Exception {
    String source =
        """
        public class Model {
          static final int[] WEIGHTS = weights();

          static int[] weights() {
            throw new IllegalStateException("cannot find the weights");
          }

          public int predict(int x) {
            return x;
          }
        }
        """;
    Map<String, Object> failed = failedLoad(ModelFolder.of(folder, source), Map.of());
    assertEquals("LOAD_FAILED", failed.get("kind"));
    assertEquals("IllegalStateException", failed.get("type"));
    assertEquals("cannot find the weights", failed.get("message"));
    assertEquals(
        List.of("Model.java:2 in <clinit>", "Model.java:5 in weights"), failed.get("traceback"));
  }

  @Test
  void aMissingPackageIsNamed() throws Exception {
    Path library = folder.resolve("library");
    ModelFolder.of(library, "org/acme/Forest.java", "package org.acme; public class Forest {}");
    String source =
        """
        public class Model {
          private final org.acme.Forest forest = new org.acme.Forest();

          public int predict(int x) {
            return x;
          }
        }
        """;
    ModelFolder model =
        ModelFolder.of(folder, "Model.java", source, "-cp", library.resolve("classes").toString());
    Map<String, Object> failed = failedLoad(model, Map.of());
    assertEquals("MISSING_PACKAGE", failed.get("kind"));
    assertTrue(failed.get("message").toString().contains("org.acme"), failed.toString());
    try (Child child = new Child(model)) {
      List<String> libraries =
          List.of(model.classes().toString(), library.resolve("classes").toString());
      assertEquals(Child.LOADED, child.init(Map.of("libraries", libraries)).type());
    }
  }

  @Test
  void anEntryThatIsNotThere() throws Exception {
    String source =
        """
        package com.acme;

        public class Churn {
          public int score(int x) {
            return x;
          }

          public int rank(int x) {
            return x;
          }
        }
        """;
    ModelFolder model = ModelFolder.of(folder, "com/acme/Churn.java", source, "-parameters");
    assertNotFound(model, null, "score(int)");
    assertNotFound(model, "Churn.java:predict", "rank(int), score(int)");
    assertNotFound(model, "Other.java:predict", "found: com.acme.Churn");
    try (Child child = new Child(model)) {
      assertEquals(
          "com/acme/Churn.java:score",
          child.init(Map.of("entry", "com.acme.Churn:score")).json().get("entry"));
    }
  }

  @Test
  void aFolderThatIsNotCompiled() throws Exception {
    String source = "public class Model { public int predict(int x) { return x; } }";
    ModelFolder model = ModelFolder.of(folder, source);
    Map<String, Object> failed =
        failedLoad(model, Map.of("libraries", List.of(model.folder().toString())));
    assertEquals("ENTRY_NOT_FOUND", failed.get("kind"));
    assertTrue(
        failed.get("message").toString().contains("Model.java, which is not compiled"),
        failed.toString());
  }

  @Test
  void aSignatureThatDoesNotFitSaysWhichLineToWrite() throws Exception {
    String source = "public class Model { public double[][] predict(double[][] x) { return x; } }";
    ModelFolder model = ModelFolder.of(folder, source);
    assertSignature(
        model, List.of(tensor("x", "INT64", -1, 4)), "{name: x, datatype: FP64, shape: [-1, 4]}");
    assertSignature(
        model,
        List.of(tensor("x", "FP64", -1, 2, 2)),
        "{name: x, datatype: FP64, shape: [-1, -1]}");
    assertSignature(model, List.of(tensor("x", "FP64", -1, 4), tensor("w", "FP64", -1)), "[x, w]");
  }

  @Test
  void aPrimitiveCannotBeMissing() throws Exception {
    String source = "public class Model { public int predict(int x) { return x; } }";
    assertSignature(
        ModelFolder.of(folder, source),
        List.of(with(tensor("x", "INT32", -1), "na", -1)),
        "take Integer",
        List.of(tensor("y", "INT32", -1)));
  }

  private static Frame ask(Child child, int... x) throws Exception {
    return child.infer(1, new int[] {x.length}, Wire.int32(0, x));
  }

  private static Frame askUncounted(Child child, int x) throws Exception {
    return child.infer(1, new int[] {0}, Wire.int32(0, x));
  }

  private static void assertFailure(String kind, String message, Frame error) throws Exception {
    assertEquals(Child.ERROR, error.type());
    assertEquals(kind, error.json().get("kind"));
    assertEquals(message, error.json().get("message"));
  }

  private static Map<String, Object> failedLoad(ModelFolder model, Map<String, Object> init)
      throws Exception {
    try (Child child = new Child(model)) {
      Frame failed = child.init(init);
      assertEquals(Child.FAILED, failed.type());
      assertEquals(1, child.exitStatus());
      return failed.json();
    }
  }

  private static void assertNotFound(ModelFolder model, String entry, String found)
      throws Exception {
    Map<String, Object> init = new HashMap<>();
    init.put("entry", entry);
    Map<String, Object> failed = failedLoad(model, init);
    assertEquals("ENTRY_NOT_FOUND", failed.get("kind"));
    assertTrue(failed.get("message").toString().contains(found), failed.toString());
  }

  private static void assertSignature(
      ModelFolder model, List<Map<String, Object>> inputs, String line) throws Exception {
    assertSignature(model, inputs, line, Y);
  }

  private static void assertSignature(
      ModelFolder model,
      List<Map<String, Object>> inputs,
      String line,
      List<Map<String, Object>> outputs)
      throws Exception {
    try (Child child = new Child(model)) {
      child.init();
      Frame failed = child.bind(inputs, outputs);
      assertEquals(Child.FAILED, failed.type());
      assertEquals("SIGNATURE", failed.json().get("kind"));
      assertTrue(failed.json().get("message").toString().contains(line), failed.json().toString());
      assertEquals(1, child.exitStatus());
    }
  }
}
