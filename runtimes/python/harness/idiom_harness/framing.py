"""Frames (PROTOCOL.md, section 2) to and from bytes. Knows no descriptor; the decoder is incremental and bounded."""

import json
import struct
from typing import Any, Optional

from .protocol import DEFAULT_MAX_FRAME, FRAME_NAMES, ProtocolViolation

HEADER = struct.Struct("<IBBHQ")
HEADER_SIZE = HEADER.size

# Frames that fit are read with one call, together with what precedes and follows them; larger bodies get a buffer of their own.
READ_SIZE = 256 * 1024


class FrameDecoder:
    """Turns a byte stream into frames.

    Read into `space()`, report the bytes with `received(n)`, then take frames with `next_frame()` until it gives None.
    """

    def __init__(self, max_frame: int = DEFAULT_MAX_FRAME) -> None:
        self.max_frame = max_frame
        self._buffer = bytearray(READ_SIZE)
        self._view = memoryview(self._buffer)
        self._start = 0
        self._end = 0
        self._large: Optional[tuple[int, int, bytearray]] = None  # type, id and body of a frame beyond READ_SIZE
        self._large_filled = 0

    def space(self) -> memoryview:
        """Where the next bytes of the stream belong; never empty once `next_frame()` gave None."""
        if self._large is not None:
            return memoryview(self._large[2])[self._large_filled :]
        return self._view[self._end :] if self._end else self._view

    def received(self, count: int) -> None:
        """`count` bytes were written to the beginning of `space()`."""
        if self._large is not None:
            self._large_filled += count
        else:
            self._end += count

    def next_frame(self) -> Optional[tuple[int, int, bytearray]]:
        """The next complete frame as (type, id, body), or None. The body belongs to the caller.

        Raises ProtocolViolation for a length beyond the limit and for an unknown type, before anything is allocated.
        """
        if self._large is not None:
            return self._next_large()
        start = self._start
        available = self._end - start
        if available < HEADER_SIZE:
            self._compact()
            return None
        length, frame_type, _, _, frame_id = HEADER.unpack_from(self._buffer, start)
        if length > self.max_frame:
            raise ProtocolViolation(f"a frame of {length} bytes is beyond the limit of {self.max_frame}")
        if frame_type not in FRAME_NAMES:
            raise ProtocolViolation(f"unknown frame type 0x{frame_type:02x}")
        body_start = start + HEADER_SIZE
        end = body_start + length
        if end <= self._end:
            if end == self._end:
                self._start = self._end = 0
            else:
                self._start = end
            return frame_type, frame_id, self._buffer[body_start:end]
        if HEADER_SIZE + length > READ_SIZE:
            self._begin_large(frame_type, frame_id, length, body_start)
            return self._next_large()
        self._compact()
        return None

    def _begin_large(self, frame_type: int, frame_id: int, length: int, body_start: int) -> None:
        body = bytearray(length)
        filled = self._end - body_start
        body[:filled] = self._view[body_start : self._end]
        self._large, self._large_filled = (frame_type, frame_id, body), filled
        self._start = self._end = 0

    def _next_large(self) -> Optional[tuple[int, int, bytearray]]:
        frame = self._large
        if frame is None or self._large_filled < len(frame[2]):
            return None
        self._large = None
        return frame

    def _compact(self) -> None:
        """Moves an incomplete frame to the front, so that the rest of it finds room."""
        if self._start:
            rest = self._buffer[self._start : self._end]
            self._view[: len(rest)] = rest
            self._start, self._end = 0, len(rest)


def parse_json(body: bytearray) -> dict[str, Any]:
    """A JSON body; ProtocolViolation if it is no UTF-8 object."""
    try:
        value = json.loads(body.decode("utf-8"))
    except (ValueError, RecursionError) as error:
        raise ProtocolViolation(f"the body is no JSON: {error}") from error
    if not isinstance(value, dict):
        raise ProtocolViolation("the body is no JSON object")
    return value


def json_frame(frame_type: int, frame_id: int, value: dict[str, Any]) -> bytes:
    """A whole frame with a JSON body."""
    body = json.dumps(value, separators=(",", ":")).encode()
    return HEADER.pack(len(body), frame_type, 0, 0, frame_id) + body
