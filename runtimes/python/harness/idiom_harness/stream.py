"""The transport (PROTOCOL.md, section 1): frames over descriptors, as few system calls as possible."""

import os
from collections.abc import Sequence
from typing import Any, Union

from .descriptors import own
from .framing import FrameDecoder, json_frame

Buffer = Union[bytes, bytearray, memoryview]

# Below this an answer is joined and leaves with one call; above, copying would cost more than a call for each part.
JOIN_LIMIT = 128 * 1024


class EndOfStream(Exception):
    """The host closed its end, or died."""


class FrameStream:
    """Frames in both directions: over one socket, or over two pipes."""

    def __init__(self, input_fd: int, output_fd: int) -> None:
        self.input_fd = input_fd
        self._output_fd = output_fd
        for fd in {input_fd, output_fd}:
            os.set_blocking(fd, True)
            own(fd)
        self.decoder = FrameDecoder()

    def receive(self) -> tuple[int, int, bytearray]:
        """Waits for the next frame: (type, id, body). Raises EndOfStream and ProtocolViolation."""
        decoder = self.decoder
        while True:
            frame = decoder.next_frame()
            if frame is not None:
                return frame
            try:
                count = os.readv(self.input_fd, (decoder.space(),))
            except ConnectionError as error:
                raise EndOfStream from error
            if count == 0:
                raise EndOfStream
            decoder.received(count)

    def send(self, parts: Sequence[Any]) -> None:
        """Writes one frame given as bytes-like parts. Raises EndOfStream."""
        if sum(map(len, parts)) <= JOIN_LIMIT:
            self._write(b"".join(parts))
        else:
            for part in parts:
                self._write(part)

    def send_json(self, frame_type: int, value: dict[str, Any], frame_id: int = 0) -> None:
        """Writes one frame with a JSON body. Raises EndOfStream."""
        self._write(json_frame(frame_type, frame_id, value))

    def _write(self, data: Buffer) -> None:
        try:
            written = os.write(self._output_fd, data)
            if written < len(data):
                rest = memoryview(data)
                while written < len(data):
                    written += os.write(self._output_fd, rest[written:])
        except ConnectionError as error:
            raise EndOfStream from error
