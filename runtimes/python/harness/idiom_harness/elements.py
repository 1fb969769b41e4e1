"""Elements of BYTES tensors: what the model sees of them, by content type, `na` and levels, and back."""

import base64
import binascii
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any, Callable, Optional

from .datetimes import format_datetime, parse_datetime
from .errors import InvalidInput, InvalidOutput
from .plain import is_missing
from .protocol import Tensor

ElementDecoder = Callable[[bytes], Any]


def element_decoder(spec: Tensor, content_type: Optional[str], as_text: bool) -> ElementDecoder:
    """Compiles what turns one wire element into the model's value; it raises ValueError or KeyError for one that it cannot take.

    `content_type` is the request's or the signature's; `as_text`: the convention gives text where no content type says otherwise.
    """
    if content_type == "datetime":
        decode: ElementDecoder = _decode_datetime
    elif content_type == "base64":
        decode = _decode_base64
    elif content_type == "str" or as_text:
        decode = bytes.decode
    else:
        decode = bytes
    if spec.levels is not None:
        levels = [level.encode() for level in spec.levels]
        decode = {level: decode(level) for level in levels}.__getitem__
    if spec.na is None:
        return decode
    na = str(spec.na).encode()
    return lambda element: None if element == na else decode(element)


def decode_elements(spec: Tensor, elements: Iterable[bytes], decode: ElementDecoder) -> list[Any]:
    """All elements; raises InvalidInput that names the first bad one and its row."""
    try:
        return [decode(element) for element in elements]
    except (ValueError, KeyError):
        values = decode_elements_apart(spec, elements, decode)
        raise next(value for value in values if isinstance(value, InvalidInput)) from None


def decode_elements_apart(spec: Tensor, elements: Iterable[bytes], decode: ElementDecoder) -> list[Any]:
    """All elements, with an InvalidInput in the place of each bad one."""
    values: list[Any] = []
    for row, element in enumerate(elements):
        try:
            values.append(decode(element))
        except (ValueError, KeyError) as error:
            values.append(InvalidInput(spec.name, _complaint(spec, element, error), row))
    return values


def encode_elements(spec: Tensor, values: Sequence[Any], per_row: int = 1) -> list[bytes]:
    """The wire elements of an output; raises InvalidOutput with the row of the first value that is none.

    `per_row` is how many elements a row has.
    """
    encode = _ENCODERS.get(spec.content_type, _encode_text)
    na = None if spec.na is None else str(spec.na).encode()
    elements = []
    for position, value in enumerate(values):
        try:
            element = encode(value)
        except ValueError as error:
            element, reason = None, str(error)
        else:
            reason = f"{value!r:.80} is no {_WANTED.get(spec.content_type, 'text or bytes')}"
        if element is None:
            if not is_missing(value):
                raise InvalidOutput(spec.name, reason, position // per_row)
            if na is None:
                raise InvalidOutput(spec.name, "a missing value, and the signature gives no `na`", position // per_row)
            element = na
        elements.append(element)
    return elements


def _complaint(spec: Tensor, element: bytes, error: Exception) -> str:
    value = repr(element.decode("utf-8", "backslashreplace"))
    if isinstance(error, KeyError):
        return f"{value} is none of its levels: {', '.join(spec.levels or [])}"
    if isinstance(error, UnicodeDecodeError):
        return f"{value} is not UTF-8"
    return f"{value} is no base64" if isinstance(error, binascii.Error) else str(error)


def _decode_datetime(element: bytes) -> datetime:
    return parse_datetime(element.decode())


def _decode_base64(element: bytes) -> bytes:
    return base64.b64decode(element, validate=True)


def _encode_text(value: Any) -> Optional[bytes]:
    if isinstance(value, str):
        return value.encode()
    if isinstance(value, bytes):
        return bytes(value)
    return bytes(value) if isinstance(value, (bytearray, memoryview)) else None


def _encode_base64(value: Any) -> Optional[bytes]:
    return base64.b64encode(value) if isinstance(value, (bytes, bytearray, memoryview)) else None


def _encode_datetime(value: Any) -> Optional[bytes]:
    # NaT calls itself a datetime; it alone is not equal to itself.
    if isinstance(value, datetime) and value == value:
        return format_datetime(value).encode()
    return None


_ENCODERS: dict[Optional[str], Callable[[Any], Optional[bytes]]] = {"base64": _encode_base64, "datetime": _encode_datetime}
_WANTED: dict[Optional[str], str] = {"base64": "bytes", "datetime": "datetime"}
