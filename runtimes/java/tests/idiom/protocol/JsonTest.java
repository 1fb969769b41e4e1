// What is JSON and what is not.
package idiom.protocol;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import java.math.BigDecimal;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class JsonTest {
  @Test
  void keepsEveryKindOfValue() throws Violation {
    Map<String, Object> value =
        parse(
            " {\"a\": [1, -2.5e3, true, false, null, {}, []], \"b\\u00e9\\n"
                + "\\/\": \"\\ud83d\\ude42\"} ");
    assertEquals(
        Arrays.asList(
            new BigDecimal("1"), new BigDecimal("-2.5e3"), true, false, null, Map.of(), List.of()),
        value.get("a"));
    assertEquals("🙂", value.get("bé\n/"));
    assertEquals(value, parse(Json.write(value)));
  }

  @Test
  void keepsIntegersBeyondDoubles() throws Violation {
    assertEquals(
        new BigDecimal("18446744073709551615"), parse("{\"na\":18446744073709551615}").get("na"));
  }

  @Test
  void writesHalfAPairEscaped() {
    assertEquals("\"\\ud83d\"", Json.write("\ud83d"));
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "",
        " ",
        "{",
        "{}}",
        "{\"a\"}",
        "{\"a\":}",
        "{\"a\":1,}",
        "{a:1}",
        "{\"a\":[1,]}",
        "{\"a\":nul}",
        "{\"a\":1.2.3}",
        "{\"a\":\"\\x\"}",
        "{\"a\":\"\\u00g0\"}",
        "{\"a\":\"",
        "{\"a\":\"\n\"}",
        "[1]",
        "1"
      })
  void refusesWhatIsNoObject(String text) {
    assertThrows(Violation.class, () -> parse(text));
  }

  @Test
  void refusesEndlessNesting() {
    assertThrows(Violation.class, () -> parse("{\"a\":" + "[".repeat(100_000)));
  }

  private static Map<String, Object> parse(String text) throws Violation {
    byte[] bytes = text.getBytes(StandardCharsets.UTF_8);
    return Json.parse(bytes, 0, bytes.length);
  }
}
