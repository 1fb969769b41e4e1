// Conventions and hints, with a real process: how each kind of function is called and what its
// types say.
package idiom;

import static idiom.support.Child.tensor;
import static idiom.support.Child.with;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import idiom.support.Child;
import idiom.support.Child.Frame;
import idiom.support.ModelFolder;
import idiom.support.Vectors;
import idiom.support.Wire;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

@Timeout(60)
class CallingTest {
  @TempDir Path folder;

  @Test
  void aMatrixKeepsItsRowsAndColumns() throws Exception {
    String source =
        """
        public class Model {
          public int[][] predict(int[][] x) {
            return new int[][] {x[1], x[0]};
          }
        }
        """;
    List<Map<String, Object>> any = List.of(tensor("x", "INT32", -1, -1));
    try (Child child = new Child(ModelFolder.of(folder, source)).ready(any, any)) {
      Wire.Sent matrix =
          new Wire.Sent(0, "INT32", 0, new int[] {2, 3}, Wire.int32(0, 1, 2, 3, 4, 5, 6).data());
      Wire.Result result = child.infer(1, new int[] {1, 1}, matrix).result();
      assertArrayEquals(Wire.int32(0, 4, 5, 6, 1, 2, 3).data(), result.tensors().get(0).data());
      assertArrayEquals(new int[] {2, 3}, result.tensors().get(0).shape());
    }
  }

  @Test
  void parametersBindByNameAndARecordNamesTheOutputs() throws Exception {
    String source =
        """
        public class Model {
          public record Answer(int[] difference, int[] sum) {}

          public Answer predict(int[] b, int[] a) {
            return new Answer(new int[] {a[0] - b[0]}, new int[] {a[0] + b[0]});
          }
        }
        """;
    List<Map<String, Object>> inputs = List.of(tensor("a", "INT32", -1), tensor("b", "INT32", -1));
    List<Map<String, Object>> outputs =
        List.of(tensor("sum", "INT32", -1), tensor("difference", "INT32", -1));
    try (Child child = new Child(ModelFolder.of(folder, source))) {
      Map<String, Object> hints = Vectors.object(child.init().json().get("hints"));
      assertEquals(List.of("b INT32 [-1]", "a INT32 [-1]"), spelled(hints.get("inputs")));
      assertEquals(
          List.of("difference INT32 [-1]", "sum INT32 [-1]"), spelled(hints.get("outputs")));
      assertEquals(Map.of("convention", "named"), child.bind(inputs, outputs).json());
      Wire.Result result =
          child.infer(1, new int[] {1}, Wire.int32(1, 3), Wire.int32(0, 10)).result();
      assertEquals(13, result.data(0).getInt());
      assertEquals(7, result.data(1).getInt());
    }
  }

  @Test
  void withoutNamesParametersBindByPosition() throws Exception {
    String source =
        """
        public class Model {
          public int[] predict(int[] a, int[] b) {
            return new int[] {a[0] - b[0]};
          }
        }
        """;
    List<Map<String, Object>> inputs = List.of(tensor("p", "INT32", -1), tensor("q", "INT32", -1));
    try (Child child = new Child(ModelFolder.of(folder, "Model.java", source))) {
      assertNull(Vectors.object(child.init().json().get("hints")).get("inputs"));
      child.bind(inputs, List.of(tensor("d", "INT32", -1)));
      assertEquals(
          7,
          child
              .infer(1, new int[] {1}, Wire.int32(0, 10), Wire.int32(1, 3))
              .result()
              .data(0)
              .getInt());
    }
  }

  @Test
  void aMapGetsTheNativeValueOfEachDataType() throws Exception {
    String source =
        """
        import java.util.Map;

        public class Model {
          public Map<String, Object> predict(Map<String, Object> inputs) {
            StringBuilder types = new StringBuilder();
            for (Object value : inputs.values()) {
              types.append(value.getClass().getSimpleName()).append(' ');
            }
            return Map.of("types", new String[] {types.toString()});
          }
        }
        """;
    List<String> datatypes =
        List.of(
            "BOOL", "INT8", "INT16", "INT32", "INT64", "UINT8", "UINT16", "UINT32", "UINT64",
            "FP16", "FP32", "FP64", "BF16", "BYTES");
    List<Map<String, Object>> inputs = new ArrayList<>();
    List<Wire.Sent> tensors = new ArrayList<>();
    for (int i = 0; i < datatypes.size(); i++) {
      inputs.add(tensor("x" + i, datatypes.get(i), -1));
      tensors.add(new Wire.Sent(i, datatypes.get(i), 0, new int[] {0}, new byte[0]));
    }
    inputs.add(tensor("scalar", "FP64"));
    tensors.add(new Wire.Sent(inputs.size() - 1, "FP64", 0, new int[] {}, new byte[8]));
    try (Child child = new Child(ModelFolder.of(folder, source))) {
      Map<String, Object> hints = Vectors.object(child.init().json().get("hints"));
      assertNull(hints.get("inputs"));
      assertNull(hints.get("outputs"));
      child.bind(inputs, List.of(tensor("types", "BYTES", 1)));
      Wire.Result result =
          child.infer(1, new int[] {0}, tensors.toArray(new Wire.Sent[0])).result();
      assertEquals(
          "boolean[] byte[] short[] int[] long[] short[] int[] long[] long[] float[] float[]"
              + " double[] float[] byte[][] Double ",
          Wire.texts(result.data(0)).get(0));
    }
  }

  @Test
  void aListOfRecordsIsAFrame() throws Exception {
    String source =
        """
        import java.time.OffsetDateTime;
        import java.util.List;
        import java.util.Optional;
        import java.util.function.Function;

        public class Model implements Function<List<Model.In>, List<Model.Out>> {
          enum Plan { basic, premium }

          public record In(
              double age, Plan plan, Long visits, Optional<Double> income, OffsetDateTime since) {}

          public record Out(Double score, String label, OffsetDateTime next) {}

          @Override
          public List<Out> apply(List<In> rows) {
            return rows.stream()
                .map(in -> new Out(
                    in.income().map(income -> income + in.age()).orElse(null),
                    in.plan() == null || in.visits() == null ? null : in.plan() + ":" + in.visits(),
                    in.since().plusDays(1)))
                .toList();
          }
        }
        """;
    List<Map<String, Object>> inputs =
        List.of(
            tensor("age", "FP64", -1),
            with(
                with(tensor("plan", "BYTES", -1), "levels", List.of("basic", "premium")), "na", ""),
            with(tensor("visits", "INT64", -1), "na", -1),
            tensor("income", "FP64", -1),
            with(tensor("since", "BYTES", -1), "content_type", "datetime"));
    List<Map<String, Object>> outputs =
        List.of(
            tensor("score", "FP64", -1),
            with(tensor("label", "BYTES", -1, 1), "na", "?"),
            tensor("next", "BYTES", -1));
    try (Child child = new Child(ModelFolder.of(folder, source))) {
      Map<String, Object> loaded = child.init().json();
      assertEquals("Model.java:apply", loaded.get("entry"));
      Map<String, Object> hints = Vectors.object(loaded.get("hints"));
      assertEquals(
          List.of(
              "age FP64 [-1]",
              "plan BYTES [-1]",
              "visits INT64 [-1]",
              "income FP64 [-1]",
              "since BYTES [-1]"),
          spelled(hints.get("inputs")));
      assertEquals(
          List.of("basic", "premium"), Vectors.objects(hints.get("inputs")).get(1).get("levels"));
      assertEquals("datetime", Vectors.objects(hints.get("inputs")).get(4).get("content_type"));
      assertEquals(Map.of("convention", "frame"), child.bind(inputs, outputs).json());
      byte[] visits = Wire.littleEndian(new byte[16]).putLong(0, 1L << 60).putLong(8, -1).array();
      String since = "2026-01-02T03:04:05.5+01:00";
      Wire.Result result =
          child
              .infer(
                  1,
                  new int[] {1, 1},
                  Wire.fp64(0, 30, 40),
                  Wire.bytes(1, "premium", "basic"),
                  new Wire.Sent(2, "INT64", 0, new int[] {2}, visits),
                  Wire.fp64(3, 1, Double.NaN),
                  Wire.bytes(4, since, since))
              .result();
      assertEquals(31, result.data(0).getDouble());
      assertTrue(Double.isNaN(result.data(0).getDouble(8)));
      assertEquals(List.of("premium:" + (1L << 60), "?"), Wire.texts(result.data(1)));
      assertArrayEquals(new int[] {2, 1}, result.tensors().get(1).shape());
      assertEquals("2026-01-03T02:04:05.5Z", Wire.texts(result.data(2)).get(0));
      Frame unseen =
          child.infer(
              2,
              new int[] {2},
              Wire.fp64(0, 30, 40),
              Wire.bytes(1, "premium", "gold"),
              new Wire.Sent(2, "INT64", 0, new int[] {2}, visits),
              Wire.fp64(3, 1, 2),
              Wire.bytes(4, since, since));
      assertEquals("INVALID_INPUT", unseen.json().get("kind"));
      assertEquals(
          "input 'plan': row 1: 'gold' is none of the levels [basic, premium]",
          unseen.json().get("message"));
    }
  }

  @Test
  void withContentTypePdArraysAreColumns() throws Exception {
    String source =
        """
        import java.util.List;

        public class Model {
          public List<String> predict(String[] plan, Long[] visits) {
            return List.of(plan[0] + visits[0], plan[1] + visits[1]);
          }
        }
        """;
    List<Map<String, Object>> inputs =
        List.of(tensor("plan", "BYTES", -1, 1), with(tensor("visits", "INT64", -1), "na", 0));
    try (Child child = new Child(ModelFolder.of(folder, source))) {
      child.init(Map.of("content_type", "pd"));
      assertEquals(
          Map.of("convention", "frame"),
          child.bind(inputs, List.of(tensor("y", "BYTES", -1))).json());
      byte[] visits = Wire.littleEndian(new byte[16]).putLong(0, 7).array();
      Wire.Sent plans =
          new Wire.Sent(0, "BYTES", 0, new int[] {2, 1}, Wire.bytes(0, "a", "b").data());
      Wire.Result result =
          child
              .infer(1, new int[] {2}, plans, new Wire.Sent(1, "INT64", 0, new int[] {2}, visits))
              .result();
      assertEquals(List.of("a7", "bnull"), Wire.texts(result.data(0)));
    }
  }

  @Test
  void scalarsAreRowsAndAFailedRowTakesItsSegmentAlone() throws Exception {
    String source =
        """
        public class Model {
          public double predict(double age, String plan) {
            if (age < 0) throw new IllegalArgumentException("age is negative");
            return plan.equals("premium") ? age + 1 : age;
          }
        }
        """;
    List<Map<String, Object>> inputs =
        List.of(tensor("age", "FP64", -1), tensor("plan", "BYTES", -1));
    try (Child child = new Child(ModelFolder.of(folder, source))) {
      Map<String, Object> hints = Vectors.object(child.init().json().get("hints"));
      assertEquals(List.of("age FP64 [-1]", "plan BYTES [-1]"), spelled(hints.get("inputs")));
      assertEquals(List.of("output FP64 [-1]"), spelled(hints.get("outputs")));
      assertEquals(
          Map.of("convention", "row"),
          child.bind(inputs, List.of(tensor("p", "FP64", -1, 1))).json());
      Wire.Result result =
          child
              .infer(
                  1,
                  new int[] {1, 3, 1},
                  Wire.fp64(0, 1, 2, -3, 4, 5),
                  Wire.bytes(1, "", "premium", "", "", "premium"))
              .result();
      assertEquals(List.of(1, 0, 1), result.rows());
      assertArrayEquals(new int[] {2, 1}, result.tensors().get(0).shape());
      assertArrayEquals(Wire.fp64(0, 1, 6).data(), result.tensors().get(0).data());
      assertEquals(
          "{\"errors\":[{\"segment\":1,\"row\":1,\"kind\":\"MODEL_ERROR\","
              + "\"type\":\"IllegalArgumentException\",\"message\":\"age is negative\","
              + "\"traceback\":[\"Model.java:3 in predict\"]}]}",
          result.json());
    }
  }

  @Test
  void aRecordOfScalarsIsARowInAndOut() throws Exception {
    String source =
        """
        public class Model {
          public record In(int a, Integer b) {
            public In {
              if (a == 0) throw new IllegalArgumentException("a is zero");
            }
          }

          public record Out(Integer sum, boolean odd) {}

          public Out apply(In in) {
            if (in.b() == null) return new Out(null, false);
            int sum = in.a() + in.b();
            return new Out(sum, sum % 2 == 1);
          }
        }
        """;
    List<Map<String, Object>> inputs =
        List.of(tensor("a", "INT32", -1), with(tensor("b", "INT32", -1), "na", -1));
    List<Map<String, Object>> outputs =
        List.of(tensor("odd", "BOOL", -1), tensor("sum", "INT32", -1));
    try (Child child = new Child(ModelFolder.of(folder, source)).ready(inputs, outputs)) {
      Wire.Result result =
          child
              .infer(1, new int[] {1, 1, 1}, Wire.int32(0, 1, 2, 0), Wire.int32(1, 2, -1, 3))
              .result();
      assertEquals(List.of(1, 0, 0), result.rows());
      assertEquals(3, result.data(1).getInt());
      assertEquals(1, result.data(0).get());
      assertTrue(
          result.json().contains("\"segment\":1,\"row\":0,\"kind\":\"INVALID_OUTPUT\""),
          result.json());
      assertTrue(result.json().contains("\"message\":\"a is zero\""), result.json());
    }
  }

  @Test
  void aRequestsOwnContentTypeCounts() throws Exception {
    String source =
        "public class Model { public Object predict(Object x) { return"
            + " x.getClass().getSimpleName(); } }";
    List<Map<String, Object>> inputs = List.of(tensor("x", "BYTES", -1));
    try (Child child =
        new Child(ModelFolder.of(folder, source)).ready(inputs, List.of(tensor("y", "BYTES")))) {
      String[] expected = {
        "byte[][]", "byte[][]", "byte[][]", "String[]", "byte[][]", "Temporal[]"
      };
      for (int code = 0; code < expected.length; code++) {
        Wire.Sent empty = new Wire.Sent(0, "BYTES", code, new int[] {0}, new byte[0]);
        Wire.Result result = child.infer(1 + code, new int[] {0}, empty).result();
        assertEquals(expected[code], Wire.texts(result.data(0)).get(0));
      }
    }
  }

  @Test
  void aWiderTypeTakesANarrowerInput() throws Exception {
    String source =
        """
        public class Model {
          public double[] predict(double[][] x, long[] n) {
            return new double[] {x[0][0] + n[0]};
          }
        }
        """;
    List<Map<String, Object>> inputs =
        List.of(tensor("x", "FP32", -1, 1), tensor("n", "INT32", -1));
    try (Child child =
        new Child(ModelFolder.of(folder, source)).ready(inputs, List.of(tensor("y", "FP64", -1)))) {
      byte[] half = Wire.littleEndian(new byte[4]).putFloat(0, 0.5f).array();
      Wire.Sent x = new Wire.Sent(0, "FP32", 0, new int[] {1, 1}, half);
      assertEquals(
          3.5, child.infer(1, new int[] {1}, x, Wire.int32(1, 3)).result().data(0).getDouble());
    }
  }

  private static List<String> spelled(Object tensors) {
    return Vectors.objects(tensors).stream()
        .map(hint -> hint.get("name") + " " + hint.get("datatype") + " " + hint.get("shape"))
        .toList();
  }
}
