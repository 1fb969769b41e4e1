"""Inputs of an INFER as the model's values: compiled by the signature at BIND, and by a frame's header when it is new."""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple, Optional

from .elements import decode_elements, decode_elements_apart, element_decoder
from .errors import InvalidInput
from .plain import nested, unpack_numbers
from .protocol import CONTENT_TYPES, DATATYPE_CODES, FLOATS, ProtocolViolation, Tensor
from .tensor_body import TensorPlace, header_length, parse_body, split_elements

# Takes one input's value out of a body.
Take = Callable[[bytearray], Any]
# Compiles a Take for the place that a header gives the input.
Reader = Callable[[TensorPlace], Take]

# Headers of merged frames recur (a segment a request, mostly of one row each), so what they say is kept.
KEPT_HEADERS = 512


class Layout(NamedTuple):
    """What the header of an INFER says, compiled. `rows` is None where rows are not counted; `end` is the body's length.

    `answers` keeps the headers of answers to such a frame, by the shapes of their outputs.
    """

    segments: tuple[int, ...]
    rows: Optional[int]
    takes: list[Take]
    end: int
    answers: dict[Any, Any]


class RequestReader:
    """The layouts of INFER bodies, checked against the signature."""

    def __init__(self, inputs: Sequence[Tensor], readers: Sequence[Reader]) -> None:
        self._inputs = inputs
        self._readers = readers
        self._kept: dict[bytes, Layout] = {}

    def layout(self, body: bytearray) -> Layout:
        """Raises ProtocolViolation."""
        header = bytes(body[: header_length(body)])
        layout = self._kept.get(header)
        if layout is None:
            layout = self._compile(body)
            if len(self._kept) == KEPT_HEADERS:
                self._kept.clear()
            self._kept[header] = layout
        elif layout.end != len(body):
            raise ProtocolViolation(f"the body has {len(body)} bytes, its tensors end at {layout.end}")
        return layout

    def _compile(self, body: bytearray) -> Layout:
        parsed = parse_body(body)
        if parsed.end != len(body):
            raise ProtocolViolation("an INFER with a JSON block")
        places = {place.index: place for place in parsed.places}
        if len(parsed.places) != len(self._inputs) or set(places) != set(range(len(self._inputs))):
            raise ProtocolViolation(f"inputs {[place.index for place in parsed.places]} of {len(self._inputs)}")
        takes = []
        for index, (spec, reader) in enumerate(zip(self._inputs, self._readers)):
            if places[index].datatype != DATATYPE_CODES[spec.datatype or ""]:
                raise ProtocolViolation(f"input {spec.name!r} has another data type than the signature's {spec.datatype}")
            takes.append(reader(places[index]))
        return Layout(parsed.segments, parsed.rows, takes, parsed.end, {})


def array_reader(spec: Tensor) -> Reader:
    """A numpy array over the body's own bytes: writable, not copied."""
    from numpy import ndarray

    from .arrays import dtype_of, object_array

    if spec.datatype == "BYTES":

        def read_elements(place: TensorPlace) -> Take:
            take = _take_elements(spec, place)
            return lambda body: object_array(take(body), place.shape)

        return read_elements
    dtype = dtype_of(spec.datatype or "")

    def read(place: TensorPlace) -> Take:
        shape, offset = place.shape, place.offset
        return lambda body: ndarray(shape, dtype, body, offset)

    return read


def list_reader(spec: Tensor) -> Reader:
    """Nested lists of Python's own values."""

    def read(place: TensorPlace) -> Take:
        take = _take_elements(spec, place) if spec.datatype == "BYTES" else _take_numbers(spec, place)
        return lambda body: nested(take(body), place.shape)

    return read


def column_reader(spec: Tensor) -> Reader:
    """A pandas column."""
    from .tables import element_column, number_column

    if spec.datatype != "BYTES":
        read_array, build = array_reader(spec), number_column(spec)

        def read(place: TensorPlace) -> Take:
            take = read_array(_column(spec, place))
            return lambda body: build(take(body))

        return read

    def read_elements(place: TensorPlace) -> Take:
        take = _take_elements(spec, _column(spec, place), as_text=True)
        build = element_column(spec, _content_type(spec, place))
        return lambda body: build(take(body))

    return read_elements


def row_reader(spec: Tensor) -> Reader:
    """A list of Python's own values, missing ones None; with an InvalidInput where the model cannot take one."""

    def read(place: TensorPlace) -> Take:
        _column(spec, place)
        if spec.datatype != "BYTES":
            take, na = _take_numbers(spec, place), spec.na
            if na is None or spec.datatype in FLOATS:
                return take
            return lambda body: [None if value == na else value for value in take(body)]
        decode = element_decoder(spec, _content_type(spec, place), as_text=True)
        return lambda body: decode_elements_apart(spec, split_elements(body, place), decode)

    return read


def check_lengths(names: Sequence[str], columns: Sequence[Any]) -> None:
    """The columns of one table or of one frame's rows are equally long. Raises InvalidInput."""
    for name, column in zip(names, columns):
        if len(column) != len(columns[0]):
            raise InvalidInput(name, f"{len(column)} rows where {names[0]!r} has {len(columns[0])}")


def _take_numbers(spec: Tensor, place: TensorPlace) -> Take:
    datatype = spec.datatype or ""
    return lambda body: unpack_numbers(datatype, body, place)


def _take_elements(spec: Tensor, place: TensorPlace, as_text: bool = False) -> Take:
    decode = element_decoder(spec, _content_type(spec, place), as_text)
    return lambda body: decode_elements(spec, split_elements(body, place), decode)


def _content_type(spec: Tensor, place: TensorPlace) -> Optional[str]:
    return CONTENT_TYPES[place.content_type] or spec.content_type


def _column(spec: Tensor, place: TensorPlace) -> TensorPlace:
    if len(place.shape) not in (1, 2) or place.shape[1:] not in ((), (1,)):
        raise ProtocolViolation(f"input {spec.name!r} has the shape {list(place.shape)}, no column")
    return place
