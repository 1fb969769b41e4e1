"""Writes RESULT frames. The headers of outputs of fixed size recur and are kept with the layout of their INFER."""

from collections.abc import Sequence
from typing import Any, Optional

from .errors import ResultTooLarge
from .framing import HEADER
from .inputs import Layout
from .outputs import Encoded, fitted_shape
from .protocol import DATATYPE_CODES, RESULT, Tensor
from .tensor_body import TensorPlace, build_header, errors_block

PADDING = [bytes(size) for size in range(8)]
# An author whose output's free dimensions vary must not make a layout grow without end.
KEPT_ANSWERS = 16


class ResultWriter:
    """Compiled for the signature's outputs."""

    def __init__(self, outputs: Sequence[Tensor], max_frame: int) -> None:
        self._outputs = outputs
        self._codes = [DATATYPE_CODES[spec.datatype or ""] for spec in outputs]
        self._fixed = all(spec.datatype != "BYTES" for spec in outputs)
        self._max_frame = max_frame

    def write(self, frame_id: int, layout: Layout, encoded: Sequence[Encoded]) -> list[Any]:
        """The parts of the RESULT to a frame of this layout. Raises InvalidOutput and ResultTooLarge."""
        if not self._fixed:
            return self.write_rows(frame_id, layout.segments, layout.rows, encoded)
        shapes = tuple([shape for shape, _ in encoded])
        kept = layout.answers.get(shapes)
        if kept is None:
            kept = self._header(layout.segments, layout.rows, encoded)
            if len(layout.answers) < KEPT_ANSWERS:
                layout.answers[shapes] = kept
        header, paddings, length = kept
        return _parts(frame_id, header, paddings, length, encoded)

    def write_rows(
        self,
        frame_id: int,
        segments: Sequence[int],
        rows: Optional[int],
        encoded: Sequence[Encoded],
        errors: Sequence[dict[str, Any]] = (),
    ) -> list[Any]:
        """The parts of a RESULT whose header is not kept, with the errors of its failed segments."""
        block = errors_block(errors) if errors else b""
        parts = _parts(frame_id, *self._header(segments, rows, encoded, len(block)), encoded)
        if block:
            parts.append(block)
        return parts

    def _header(
        self, segments: Sequence[int], rows: Optional[int], encoded: Sequence[Encoded], block_length: int = 0
    ) -> tuple[bytes, list[bytes], int]:
        places, paddings = [], []
        length = 0
        for index, (spec, code, (shape, data)) in enumerate(zip(self._outputs, self._codes, encoded)):
            size = len(data)
            places.append(TensorPlace(index, code, 0, fitted_shape(spec, shape, rows), 0, size))
            last = index == len(self._outputs) - 1 and not block_length
            paddings.append(PADDING[0 if last else -size % 8])
            length += size + len(paddings[-1])
        header = build_header(segments, places, block_length)
        length += len(header) + block_length
        if length > self._max_frame:
            raise ResultTooLarge(f"the answer has {length} bytes, a frame at most {self._max_frame}")
        return header, paddings, length


def _parts(frame_id: int, header: bytes, paddings: Sequence[bytes], length: int, encoded: Sequence[Encoded]) -> list[Any]:
    parts: list[Any] = [HEADER.pack(length, RESULT, 0, 0, frame_id), header]
    for (_, data), padding in zip(encoded, paddings):
        parts.append(data)
        if padding:
            parts.append(padding)
    return parts
