// ISO 8601 text from and to Java's date-times, as content type datetime has them.
package idiom.values;

import java.time.LocalDateTime;
import java.time.OffsetDateTime;
import java.time.ZoneOffset;
import java.time.format.DateTimeFormatter;
import java.time.format.DateTimeFormatterBuilder;
import java.time.format.DateTimeParseException;
import java.time.temporal.ChronoField;
import java.time.temporal.Temporal;

/** OffsetDateTime where the text has an offset, LocalDateTime where it has none. */
final class DateTimes {
  private static final DateTimeFormatter WRITTEN =
      new DateTimeFormatterBuilder()
          .appendPattern("uuuu-MM-dd'T'HH:mm:ss")
          .appendFraction(ChronoField.NANO_OF_SECOND, 0, 6, true)
          .toFormatter();

  private DateTimes() {}

  /** Reads either kind. */
  static Temporal parse(String text) throws DateTimeParseException {
    return (Temporal)
        DateTimeFormatter.ISO_DATE_TIME.parseBest(text, OffsetDateTime::from, LocalDateTime::from);
  }

  /** UTC with a Z for what has an offset, otherwise without. */
  static String format(OffsetDateTime value) {
    return WRITTEN.format(value.withOffsetSameInstant(ZoneOffset.UTC)) + "Z";
  }

  static String format(LocalDateTime value) {
    return WRITTEN.format(value);
  }
}
