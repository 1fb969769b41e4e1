"""Bodies of INFER and RESULT (PROTOCOL.md, section 5): the header of words, the places of the tensors, the JSON block."""

import json
import struct
from collections.abc import Sequence
from typing import Any, NamedTuple, Optional

from .protocol import CONTENT_TYPES, DATATYPES, ELEMENT_SIZES, MAX_WORD, ProtocolViolation

BYTES_CODE = 13
FIRST_WORDS = struct.Struct("<4I")


class TensorPlace(NamedTuple):
    """One tensor of a body: what its descriptor says, and where its data lies."""

    index: int  # type: ignore[assignment]  # the protocol's word hides a method of tuples that nobody calls
    datatype: int
    content_type: int
    shape: tuple[int, ...]
    offset: int
    size: int


class TensorBody(NamedTuple):
    """A parsed body. `rows` is their sum, or None where rows are not counted; `end` is where the tensors end."""

    segments: tuple[int, ...]
    rows: Optional[int]
    places: list[TensorPlace]
    end: int


def header_length(body: bytearray) -> int:
    """Word 0, checked; the descriptors are `body[:header_length(body)]`."""
    if len(body) < 16:
        raise ProtocolViolation("no room for the four first words")
    length = int.from_bytes(body[:4], "little")
    if length % 8 or not 16 <= length <= len(body):
        raise ProtocolViolation(f"a header of {length} bytes in a body of {len(body)}")
    return length


def parse_body(body: bytearray) -> TensorBody:
    """Reads and checks the header against the body's length; the elements of BYTES are checked when they are split.

    Raises ProtocolViolation.
    """
    length = header_length(body)
    words = struct.unpack_from(f"<{length // 4}I", body)
    if max(words) > MAX_WORD:
        raise ProtocolViolation("a word is beyond 2^31 - 1")
    _, segment_count, tensor_count, json_length = words[:4]
    at = 4 + segment_count
    if segment_count == 0 or at > len(words):
        raise ProtocolViolation(f"{segment_count} segments in a header of {length} bytes")
    segments = words[4:at]
    rows = None if segments == (0,) else sum(segments)
    places = []
    offset = end = length
    for _ in range(tensor_count):
        if at + 5 > len(words):
            raise ProtocolViolation("the descriptors do not fit in the header")
        index, datatype, content_type, size, rank = words[at : at + 5]
        at += 5 + rank
        if at > len(words):
            raise ProtocolViolation("the dimensions do not fit in the header")
        place = TensorPlace(index, datatype, content_type, words[at - rank : at], offset, size)
        _check_place(place, rows, len(body))
        places.append(place)
        end = offset + size
        offset = end + -end % 8
    if len(words) - at > 1 or any(words[at:]):
        raise ProtocolViolation("the header is longer than its descriptors")
    if json_length:
        end = offset
    if end + json_length != len(body):
        raise ProtocolViolation(f"the body has {len(body)} bytes, its tensors and JSON end at {end + json_length}")
    return TensorBody(segments, rows, places, end)


def _check_place(place: TensorPlace, rows: Optional[int], body_length: int) -> None:
    if place.datatype not in DATATYPES:
        raise ProtocolViolation(f"no data type has the code {place.datatype}")
    if place.content_type not in CONTENT_TYPES:
        raise ProtocolViolation(f"no content type has the code {place.content_type}")
    if place.offset + place.size > body_length:
        raise ProtocolViolation("a tensor ends beyond the body")
    if place.datatype != BYTES_CODE and element_count(place.shape) * ELEMENT_SIZES[place.datatype] != place.size:
        raise ProtocolViolation(f"{place.size} bytes for the shape {list(place.shape)}")
    if rows is not None and (not place.shape or place.shape[0] != rows):
        raise ProtocolViolation(f"the segments have {rows} rows, a tensor has the shape {list(place.shape)}")


def element_count(shape: Sequence[int]) -> int:
    """How many elements a shape holds; 1 for rank 0."""
    count = 1
    for dimension in shape:
        count *= dimension
    return count


def split_elements(body: bytearray, place: TensorPlace) -> list[bytes]:
    """The elements of a BYTES tensor. Raises ProtocolViolation if they do not fill it exactly."""
    data = bytes(memoryview(body)[place.offset : place.offset + place.size])
    end = len(data)
    elements = []
    at = 0
    while at < end:
        start = at + 4
        at = start + int.from_bytes(data[at:start], "little")
        elements.append(data[start:at])
        if start > end:
            raise ProtocolViolation("the length of a BYTES element is torn")
    if at != end:
        raise ProtocolViolation("a BYTES element ends beyond its tensor")
    if len(elements) != element_count(place.shape):
        raise ProtocolViolation(f"{len(elements)} BYTES elements for the shape {list(place.shape)}")
    return elements


def join_elements(elements: Sequence[bytes]) -> bytes:
    """The data of a BYTES tensor."""
    pack = struct.Struct("<I").pack
    parts = []
    for element in elements:
        parts.append(pack(len(element)))
        parts.append(element)
    return b"".join(parts)


def build_header(segments: Sequence[int], places: Sequence[TensorPlace], json_length: int = 0) -> bytes:
    """The header of a body; the places' offsets are not looked at, their order is the data's."""
    words = [0, len(segments), len(places), json_length, *segments]
    for place in places:
        words += (place.index, place.datatype, place.content_type, place.size, len(place.shape), *place.shape)
    if len(words) % 2:
        words.append(0)
    words[0] = 4 * len(words)
    return struct.pack(f"<{len(words)}I", *words)


def errors_block(errors: Sequence[dict[str, Any]]) -> bytes:
    """The JSON block that says which segments failed."""
    return json.dumps({"errors": errors}, separators=(",", ":"), ensure_ascii=False).encode("utf-8", "backslashreplace")
