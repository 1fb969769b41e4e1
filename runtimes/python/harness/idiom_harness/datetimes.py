"""ISO 8601 text to and from `datetime`, as the content type `datetime` has it (PROTOCOL.md, section 7)."""

import re
from datetime import datetime, timedelta, timezone

# datetime.fromisoformat knows neither "Z" nor one-digit fractions before Python 3.11.
_ISO = re.compile(
    r"(\d{4})-(\d\d)-(\d\d)(?:[T ](\d\d):(\d\d)(?::(\d\d)(?:[.,](\d{1,9}))?)?(?:([Zz])|([+-])(\d\d):?(\d\d)?)?)?",
    re.ASCII,
)


def parse_datetime(text: str) -> datetime:
    """Aware if the text has an offset, naive if it has none; finer than microseconds is cut off. Raises ValueError."""
    match = _ISO.fullmatch(text)
    if match is None:
        raise ValueError(f"{text!r} is no ISO 8601 date-time")
    year, month, day, hour, minute, second, fraction, utc, sign, offset_hours, offset_minutes = match.groups()
    zone = None
    if utc:
        zone = timezone.utc
    elif sign:
        offset = timedelta(hours=int(offset_hours), minutes=int(offset_minutes or 0))
        zone = timezone(offset if sign == "+" else -offset)
    micros = int((fraction or "0").ljust(6, "0")[:6])
    try:
        return datetime(int(year), int(month), int(day), int(hour or 0), int(minute or 0), int(second or 0), micros, zone)
    except ValueError as error:
        raise ValueError(f"{text!r} is no ISO 8601 date-time: {error}") from error


def format_datetime(value: datetime) -> str:
    """UTC with `Z` if the value is aware; a fraction only if there is one, without trailing zeros."""
    aware = value.utcoffset() is not None
    if aware:
        value = value.astimezone(timezone.utc)
    text = f"{value.year:04}-{value.month:02}-{value.day:02}T{value.hour:02}:{value.minute:02}:{value.second:02}"
    if value.microsecond:
        text += f".{value.microsecond:06}".rstrip("0")
    return text + "Z" if aware else text
