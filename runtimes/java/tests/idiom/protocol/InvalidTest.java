// invalid.json: every stream that a harness must refuse is a violation.
package idiom.protocol;

import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.DynamicTest.dynamicTest;

import idiom.support.Vectors;
import java.io.ByteArrayInputStream;
import java.util.EnumSet;
import java.util.Set;
import java.util.stream.Stream;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.TestFactory;

class InvalidTest {
  /** Those whose bodies a harness parses; the session refuses the others by their type. */
  private static final Set<FrameType> HOSTS =
      EnumSet.of(
          FrameType.INIT,
          FrameType.BIND,
          FrameType.CANCEL,
          FrameType.PING,
          FrameType.DRAIN,
          FrameType.INFER);

  @TestFactory
  Stream<DynamicTest> violations() throws Exception {
    return Vectors.cases("invalid.json", "violations").stream()
        .filter(vector -> !vector.get("receiver").equals("host"))
        .map(
            vector ->
                dynamicTest(
                    vector.get("name") + ": " + vector.get("reason"),
                    () ->
                        assertThrows(
                            Violation.class, () -> receive(Vectors.bytes(vector.get("stream"))))));
  }

  private static void receive(byte[] stream) throws Exception {
    FrameReader reader = new FrameReader(new ByteArrayInputStream(stream));
    reader.next();
    if (reader.type() == FrameType.INFER) {
      new InferBody().parse(reader.bytes(), FrameReader.HEADER, reader.bodyLength());
    } else {
      reader.json();
      if (!HOSTS.contains(reader.type())) throw new Violation(reader.type() + " goes to the host");
    }
  }
}
