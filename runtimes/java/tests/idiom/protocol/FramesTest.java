// frames.json: what the harness decodes and what it encodes.
//
// All tests of the harness: mvn -q -f runtimes/java/pom.xml verify (from the repository's root;
// needs python3).
package idiom.protocol;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.DynamicTest.dynamicTest;

import idiom.support.Vectors;
import idiom.support.Wire;
import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.InputStream;
import java.io.SequenceInputStream;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.TestFactory;

class FramesTest {
  @TestFactory
  Stream<DynamicTest> decodes() throws Exception {
    return Vectors.cases("frames.json", "cases").stream()
        .map(vector -> dynamicTest((String) vector.get("name"), () -> decode(vector)));
  }

  @TestFactory
  Stream<DynamicTest> encodes() throws Exception {
    return Vectors.cases("frames.json", "cases").stream()
        .filter(vector -> vector.get("encode") == null)
        .map(vector -> dynamicTest((String) vector.get("name"), () -> encode(vector)));
  }

  private static void decode(Map<String, Object> vector) throws Exception {
    List<InputStream> chunks = new ArrayList<>();
    for (Object chunk : (List<?>) vector.get("chunks")) {
      chunks.add(new ByteArrayInputStream(Vectors.bytes(chunk)));
    }
    // Never reads beyond the end of one chunk.
    FrameReader reader = new FrameReader(new SequenceInputStream(Collections.enumeration(chunks)));
    for (Map<String, Object> expected : Vectors.objects(vector.get("frames"))) {
      assertTrue(reader.next());
      assertEquals(expected.get("type"), reader.type().name());
      assertEquals(expected.get("id"), Long.toUnsignedString(reader.id()));
      if (expected.get("json") != null) {
        assertEquals(expected.get("json"), reader.json());
      } else if (reader.type() == FrameType.INFER) {
        InferBody infer = new InferBody();
        infer.parse(reader.bytes(), FrameReader.HEADER, reader.bodyLength());
        assertInfer(Vectors.object(expected.get("tensors")), infer);
      }
    }
    assertFalse(reader.next());
  }

  private static void assertInfer(Map<String, Object> expected, InferBody infer) {
    int[] rows = Vectors.ints(expected.get("segments"));
    assertEquals(rows.length, infer.segments());
    for (int i = 0; i < rows.length; i++) assertEquals(rows[i], infer.rows(i));
    List<Map<String, Object>> tensors = Vectors.objects(expected.get("tensors"));
    assertEquals(tensors.size(), infer.tensorCount());
    for (int i = 0; i < tensors.size(); i++) {
      Map<String, Object> sent = tensors.get(i);
      Tensor tensor = infer.tensor(i);
      assertEquals(sent.get("index").toString(), Integer.toString(tensor.index()));
      assertEquals(sent.get("datatype"), tensor.datatype().name());
      assertEquals(sent.get("content_type"), tensor.contentType().wireName());
      assertArrayEquals(Vectors.ints(sent.get("shape")), tensor.shape);
      byte[] data = Vectors.bytes(sent.get("data"));
      byte[] found =
          Arrays.copyOfRange(
              infer.bytes().array(), tensor.offset(), tensor.offset() + tensor.byteLength);
      assertArrayEquals(data, found);
    }
  }

  private static void encode(Map<String, Object> vector) throws Exception {
    ByteArrayOutputStream joined = new ByteArrayOutputStream();
    for (Object chunk : (List<?>) vector.get("chunks")) joined.writeBytes(Vectors.bytes(chunk));
    int at = 0;
    for (Map<String, Object> frame : Vectors.objects(vector.get("frames"))) {
      byte[] rest = Arrays.copyOfRange(joined.toByteArray(), at, joined.size());
      byte[] expected = Arrays.copyOf(rest, 16 + Wire.littleEndian(rest).getInt(0));
      at += expected.length;
      FrameType type = FrameType.valueOf((String) frame.get("type"));
      // An INFER is the host's alone to write.
      if (type == FrameType.INFER) continue;
      byte[] written = write(type, frame);
      if (type == FrameType.RESULT) {
        assertArrayEquals(expected, written);
      } else {
        assertArrayEquals(Arrays.copyOfRange(expected, 4, 16), Arrays.copyOfRange(written, 4, 16));
        assertEquals(frame.get("json"), Json.parse(written, 16, written.length - 16));
      }
    }
  }

  private static byte[] write(FrameType type, Map<String, Object> frame) throws Exception {
    ByteArrayOutputStream out = new ByteArrayOutputStream();
    FrameWriter writer = new FrameWriter(out);
    long id = Long.parseUnsignedLong((String) frame.get("id"));
    if (type != FrameType.RESULT) {
      writer.json(type, id, Vectors.object(frame.get("json")));
      return out.toByteArray();
    }
    Map<String, Object> body = Vectors.object(frame.get("tensors"));
    List<Map<String, Object>> tensors = Vectors.objects(body.get("tensors"));
    int[] ranks = tensors.stream().mapToInt(t -> Vectors.ints(t.get("shape")).length).toArray();
    ResultBody result = new ResultBody(ranks, FrameReader.DEFAULT_MAX_FRAME);
    result.begin(id, inferOf(Vectors.ints(body.get("segments"))), ranks.length);
    for (Map<String, Object> tensor : tensors) {
      byte[] data = Vectors.bytes(tensor.get("data"));
      int start =
          result.beginTensor(
              Integer.parseInt(tensor.get("index").toString()),
              DataType.valueOf((String) tensor.get("datatype")),
              Vectors.ints(tensor.get("shape")));
      result.reserve(start + data.length);
      result.bytes().put(start, data);
      result.endTensor(start + data.length);
    }
    int length = result.finish(Vectors.objects(body.get("errors")));
    writer.frame(result.bytes(), length);
    return out.toByteArray();
  }

  private static InferBody inferOf(int[] rows) throws Violation {
    byte[] body = Wire.infer(rows);
    Bytes bytes = new Bytes(16 + body.length);
    bytes.put(16, body);
    InferBody infer = new InferBody();
    infer.parse(bytes, 16, body.length);
    return infer;
  }
}
