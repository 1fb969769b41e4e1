"""Answers INFER frames under the convention `row`: one call per row, and a row that fails fails its segment alone."""

from collections.abc import Callable, Sequence
from itertools import accumulate, chain
from typing import Any, Optional

from .answers import ResultWriter
from .calling import error_frame
from .errors import InvalidInput, InvalidOutput, describe
from .inputs import Layout, RequestReader, check_lengths, row_reader
from .interrupt import Interruptible
from .outputs import Encoded, OutputEncoder, ResultReader, fitted_shape
from .protocol import ProtocolViolation, Tensor


class RowCaller:
    """One call for each row of a frame."""

    def __init__(
        self,
        invoke: Callable[[Sequence[Any]], Any],
        inputs: Sequence[Tensor],
        outputs: Sequence[Tensor],
        writer: ResultWriter,
        interruptible: Interruptible,
        folder: str,
    ) -> None:
        self._invoke = invoke
        self._requests = RequestReader(inputs, [row_reader(spec) for spec in inputs])
        self._names = [spec.name for spec in inputs]
        self._elements = [index for index, spec in enumerate(inputs) if spec.datatype == "BYTES"]
        self._outputs = outputs
        self._results = ResultReader(outputs)
        self._encoders = [OutputEncoder(spec) for spec in outputs]
        self._writer = writer
        self._interruptible = interruptible
        self._folder = folder

    def answer(self, frame_id: int, body: bytearray) -> list[Any]:
        """The parts of the answer to an INFER. Raises ProtocolViolation and SystemExit."""
        layout = self._requests.layout(body)
        try:
            columns = [take(body) for take in layout.takes]
            check_lengths(self._names, columns)
            rows = _Rows(columns, layout)
            results = self._interruptible.call(self._run, rows)
            encoded = self._encode(results, rows)
            if not rows.failures:
                return self._writer.write(frame_id, layout, encoded)
            errors = [rows.failures[segment] for segment in sorted(rows.failures)]
            segments = [0 if i in rows.failures else count for i, count in enumerate(layout.segments)]
            return self._writer.write_rows(frame_id, segments, None, encoded, errors)
        except (ProtocolViolation, SystemExit):
            raise
        except BaseException as error:
            return [error_frame(frame_id, error, self._interruptible, self._folder)]

    def _run(self, rows: "_Rows") -> list[Any]:
        """A result for each row; None in the place of rows of failed segments."""
        has_invalid = any(InvalidInput in map(type, rows.columns[index]) for index in self._elements)
        invoke = _raising(self._invoke) if has_invalid else self._invoke
        values = zip(*rows.columns)
        results: list[Any] = []
        while len(results) < rows.count:
            try:
                for row in values:
                    results.append(invoke(row))
            except Exception as error:
                if self._interruptible.interrupted:
                    raise
                skipped = rows.fail(len(results), error, self._folder)
                results += [None] * (skipped + 1)
                for _ in range(skipped):
                    next(values)
        return results

    def _encode(self, results: list[Any], rows: "_Rows") -> list[Encoded]:
        """The outputs of the rows that did not fail; those whose result does not fit the signature fail here."""
        while True:
            kept = rows.kept()
            try:
                return self._encode_rows([results[row] for row in kept] if rows.failures else results)
            except InvalidOutput:
                # Which row it was is found by looking at each alone; if none is wrong alone, all are wrong together.
                before = len(rows.failures)
                for row in kept:
                    if not rows.has_failed(row):
                        self._check_row(results[row], row, rows)
                if len(rows.failures) == before:
                    raise

    def _check_row(self, result: Any, row: int, rows: "_Rows") -> None:
        try:
            self._encode_rows([result])
        except InvalidOutput as error:
            rows.fail(row, error, self._folder)

    def _encode_rows(self, results: list[Any]) -> list[Encoded]:
        by_row = [self._results.values(result) for result in results]
        columns = list(map(list, zip(*by_row))) if by_row else [[] for _ in self._outputs]
        encoded = []
        for spec, encode, column in zip(self._outputs, self._encoders, columns):
            shape, data = encode(column)
            encoded.append((fitted_shape(spec, shape, len(results)), data))
        return encoded


class _Rows:
    """The rows of one frame: which segment each belongs to, and what went wrong with them."""

    def __init__(self, columns: Sequence[list[Any]], layout: Layout) -> None:
        self.columns = columns
        self.count = len(columns[0])
        self.failures: dict[int, dict[str, Any]] = {}
        self._counts = layout.segments if layout.rows is not None else (self.count,)

    def fail(self, row: int, error: BaseException, folder: str) -> int:
        """Notes that the row's segment failed; returns how many rows of the segment follow it."""
        segment, start, end = self._locate(row)
        if isinstance(error, (InvalidInput, InvalidOutput)):
            error = error.without_row()
        self.failures[segment] = {"segment": segment, "row": row - start, **describe(error, folder)}
        return end - row - 1

    def has_failed(self, row: int) -> bool:
        """The row's segment failed."""
        return self._locate(row)[0] in self.failures

    def kept(self) -> Sequence[int]:
        """The rows of the segments that did not fail."""
        if not self.failures:
            return range(self.count)
        ends = list(accumulate(self._counts))
        spans = [range(end - count, end) for end, count in zip(ends, self._counts)]
        return list(chain.from_iterable(span for i, span in enumerate(spans) if i not in self.failures))

    def _locate(self, row: int) -> tuple[int, int, int]:
        """The row's segment, its first row and the row after its last."""
        start = 0
        for segment, count in enumerate(self._counts):
            if row < start + count:
                return segment, start, start + count
            start += count
        raise IndexError(row)


def _raising(invoke: Callable[[Sequence[Any]], Any]) -> Callable[[Sequence[Any]], Any]:
    """Calls the model only for rows without an InvalidInput."""

    def checked(row: Sequence[Any]) -> Any:
        bad: Optional[InvalidInput] = next((value for value in row if isinstance(value, InvalidInput)), None)
        if bad is not None:
            raise bad
        return invoke(row)

    return checked
