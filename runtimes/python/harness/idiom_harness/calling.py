"""Answers INFER frames under the conventions that call the model once a frame: tensor, named, frame."""

from collections.abc import Callable, Sequence
from typing import Any

from .answers import ResultWriter
from .errors import Cancelled, describe
from .framing import json_frame
from .inputs import RequestReader
from .interrupt import Interruptible
from .outputs import OutputEncoder, ResultReader
from .protocol import ERROR, ProtocolViolation

# Answers one INFER: (id, body) to the parts of a RESULT or an ERROR. Raises ProtocolViolation and SystemExit.
Answer = Callable[[int, bytearray], list[Any]]


class FrameCaller:
    """One call for a whole frame, however many segments were merged into it."""

    def __init__(
        self,
        invoke: Callable[[Sequence[Any]], Any],
        requests: RequestReader,
        results: ResultReader,
        encoders: Sequence[OutputEncoder],
        writer: ResultWriter,
        interruptible: Interruptible,
        folder: str,
    ) -> None:
        self._invoke = invoke
        self._requests = requests
        self._results = results
        self._encoders = encoders
        self._writer = writer
        self._interruptible = interruptible
        self._folder = folder

    def answer(self, frame_id: int, body: bytearray) -> list[Any]:
        """The parts of the answer to an INFER."""
        layout = self._requests.layout(body)
        try:
            inputs = [take(body) for take in layout.takes]
            result = self._interruptible.call(self._invoke, inputs)
            values = self._results.values(result)
            encoded = [encode(value) for encode, value in zip(self._encoders, values)]
            return self._writer.write(frame_id, layout, encoded)
        except (ProtocolViolation, SystemExit):
            raise
        except BaseException as error:
            return [error_frame(frame_id, error, self._interruptible, self._folder)]


def error_frame(frame_id: int, error: BaseException, interruptible: Interruptible, folder: str) -> bytes:
    """The ERROR for a frame that failed as a whole."""
    if interruptible.interrupted:
        error = Cancelled("the call was cancelled")
    return json_frame(ERROR, frame_id, {**describe(error, folder), "segment": None, "row": None})
