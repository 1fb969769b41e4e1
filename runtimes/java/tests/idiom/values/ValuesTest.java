// values.json: every data type becomes its native value and comes back with the same bytes.
package idiom.values;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.DynamicTest.dynamicTest;

import idiom.protocol.Bytes;
import idiom.protocol.DataType;
import idiom.protocol.ErrorKind;
import idiom.protocol.FrameReader;
import idiom.protocol.InferBody;
import idiom.protocol.Refusal;
import idiom.protocol.ResultBody;
import idiom.protocol.TensorSpec;
import idiom.support.Vectors;
import idiom.support.Wire;
import java.lang.reflect.Array;
import java.math.BigDecimal;
import java.time.OffsetDateTime;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.TestFactory;

class ValuesTest {
  private static final List<String> CONTENT_TYPES =
      List.of("none", "np", "pd", "str", "base64", "datetime");

  @TestFactory
  Stream<DynamicTest> tensors() throws Exception {
    return tests("tensors", ValuesTest::tensor);
  }

  @TestFactory
  Stream<DynamicTest> columns() throws Exception {
    return tests("columns", ValuesTest::column);
  }

  @TestFactory
  Stream<DynamicTest> casts() throws Exception {
    return tests("casts", ValuesTest::cast);
  }

  private interface Check {
    void run(Map<String, Object> vector) throws Exception;
  }

  private static Stream<DynamicTest> tests(String key, Check check) throws Exception {
    return Vectors.cases("values.json", key).stream()
        .filter(vector -> isForJava(vector.get("languages")))
        .map(vector -> dynamicTest((String) vector.get("name"), () -> check.run(adapted(vector))));
  }

  private static boolean isForJava(Object languages) {
    return languages == null || ((List<?>) languages).contains("java");
  }

  /** With what `except` says of Java. */
  private static Map<String, Object> adapted(Map<String, Object> vector) {
    Map<String, Object> adapted = new HashMap<>(vector);
    if (vector.get("except") instanceof Map<?, ?> except && except.get("java") != null) {
      adapted.putAll(Vectors.object(except.get("java")));
    }
    return adapted;
  }

  private static void tensor(Map<String, Object> vector) throws Exception {
    TensorSpec spec = spec(vector);
    InferBody infer = infer(vector);
    Object value = new TensorReader(spec, JavaType.ANY, false).read(infer.bytes(), infer.tensor(0));
    List<Object> elements = new ArrayList<>();
    flatten(value, infer.tensor(0).rank(), elements);
    assertElements(vector, elements);
    for (Map<String, Object> place : Vectors.objects(vector.get("at"))) {
      Object element = value;
      for (int i : Vectors.ints(place.get("index"))) element = Array.get(element, i);
      assertEquals(place.get("value"), spell(spec, place.get("value"), element));
    }
    assertComesBack(vector, spec, value);
  }

  private static void column(Map<String, Object> vector) throws Exception {
    TensorSpec spec = spec(vector);
    InferBody infer = infer(vector);
    Object[] column = new ColumnReader(spec, JavaType.ANY).read(infer.bytes(), infer.tensor(0));
    assertElements(vector, Arrays.asList(column));
    assertComesBack(vector, spec, column);
    Object array = new TensorReader(spec, JavaType.ANY, true).read(infer.bytes(), infer.tensor(0));
    assertComesBack(vector, spec, array);
  }

  private static void cast(Map<String, Object> vector) throws Exception {
    vector.put("shape", List.of(BigDecimal.valueOf(1)));
    TensorSpec spec = spec(vector);
    BigDecimal number = new BigDecimal((String) vector.get("value"));
    List<Number> spellings = new ArrayList<>(List.of(number.doubleValue(), number));
    if (number.scale() <= 0) spellings.add(number.longValueExact());
    for (Number spelling : spellings) {
      if (vector.get("bytes") == null) {
        Refusal refusal = assertThrows(Refusal.class, () -> encode(spec, List.of(spelling)));
        assertEquals(ErrorKind.INVALID_OUTPUT, refusal.kind());
      } else {
        assertArrayEquals(
            Vectors.bytes(vector.get("bytes")), encode(spec, List.of(spelling)).data());
      }
    }
  }

  private static TensorSpec spec(Map<String, Object> vector) throws Exception {
    Map<String, Object> tensor = new HashMap<>(vector);
    tensor.put("name", "v");
    return TensorSpec.listOf(Map.of("inputs", List.of(tensor)), "inputs").get(0);
  }

  private static InferBody infer(Map<String, Object> vector) throws Exception {
    Object contentType = vector.get("content_type");
    Wire.Sent tensor =
        new Wire.Sent(
            0,
            (String) vector.get("datatype"),
            contentType == null ? 0 : CONTENT_TYPES.indexOf(contentType),
            Vectors.ints(vector.get("shape")),
            Vectors.bytes(vector.get("bytes")));
    byte[] body = Wire.infer(new int[] {0}, tensor);
    Bytes bytes = new Bytes(FrameReader.HEADER + body.length);
    bytes.put(FrameReader.HEADER, body);
    InferBody infer = new InferBody();
    infer.parse(bytes, FrameReader.HEADER, body.length);
    return infer;
  }

  private static void flatten(Object value, int rank, List<Object> elements) {
    if (rank == 0) {
      elements.add(value);
      return;
    }
    for (int i = 0; i < Array.getLength(value); i++) {
      flatten(Array.get(value, i), rank - 1, elements);
    }
  }

  private static void assertElements(Map<String, Object> vector, List<Object> elements)
      throws Exception {
    List<?> expected = (List<?>) vector.get("values");
    TensorSpec spec = spec(vector);
    List<Object> spelled = new ArrayList<>();
    for (int i = 0; i < elements.size(); i++) {
      spelled.add(spell(spec, i < expected.size() ? expected.get(i) : null, elements.get(i)));
    }
    assertEquals(expected, spelled);
  }

  /**
   * The element as the vectors spell it; a number that equals the expected one is spelled alike.
   */
  private static Object spell(TensorSpec spec, Object expected, Object element) {
    if (element instanceof byte[] raw) return HexFormat.of().formatHex(raw);
    if (element instanceof OffsetDateTime time) return "" + time.toInstant().toEpochMilli();
    if (element instanceof Long bits && spec.datatype() == DataType.UINT64) {
      return Long.toUnsignedString(bits);
    }
    if (element instanceof Float || element instanceof Double) {
      double number = ((Number) element).doubleValue();
      boolean same = Double.compare(number, Double.parseDouble((String) expected)) == 0;
      return same ? expected : element.toString();
    }
    return element instanceof Number ? element.toString() : element;
  }

  private static void assertComesBack(Map<String, Object> vector, TensorSpec spec, Object value)
      throws Exception {
    Wire.Sent written = encode(spec, value);
    assertArrayEquals(Vectors.bytes(vector.get("bytes")), written.data());
    assertArrayEquals(Vectors.ints(vector.get("shape")), written.shape());
  }

  private static Wire.Sent encode(TensorSpec spec, Object value) throws Exception {
    ResultBody out = new ResultBody(new int[] {spec.shape().length}, FrameReader.DEFAULT_MAX_FRAME);
    byte[] body = Wire.infer(new int[] {0});
    Bytes bytes = new Bytes(FrameReader.HEADER + body.length);
    bytes.put(FrameReader.HEADER, body);
    InferBody infer = new InferBody();
    infer.parse(bytes, FrameReader.HEADER, body.length);
    out.begin(1, infer, 1);
    new TensorWriter(spec, 0).write(value, TensorWriter.ANY_ROWS, out);
    int length = out.finish(null);
    byte[] frame = out.bytes().array();
    return Wire.result(Arrays.copyOfRange(frame, FrameReader.HEADER, length)).tensors().get(0);
  }
}
