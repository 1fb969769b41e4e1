"""Numbers without numpy: Python's own to and from the bytes of each data type, exactly or not at all."""

import struct
from collections.abc import Sequence
from typing import Any

from .errors import InvalidOutput
from .protocol import FLOATS, Tensor
from .tensor_body import TensorPlace

# struct's letters; a BF16 is its bits, because Python has no such number.
FORMATS = {
    "BOOL": "?",
    "UINT8": "B",
    "UINT16": "H",
    "UINT32": "I",
    "UINT64": "Q",
    "INT8": "b",
    "INT16": "h",
    "INT32": "i",
    "INT64": "q",
    "FP16": "e",
    "FP32": "f",
    "FP64": "d",
    "BF16": "H",
}


def unpack_numbers(datatype: str, body: bytearray, place: TensorPlace) -> list[Any]:
    """The elements of a tensor as Python numbers, in row-major order."""
    letter = FORMATS[datatype]
    if letter == "e":  # memoryview.cast knows it since Python 3.12 only
        return list(struct.unpack_from(f"<{place.size // 2}e", body, place.offset))
    return memoryview(body)[place.offset : place.offset + place.size].cast(letter).tolist()  # type: ignore[call-overload]


def pack_numbers(spec: Tensor, values: Sequence[Any], per_row: int = 1) -> bytes:
    """The data of an output from Python numbers; raises InvalidOutput with the row of the first that does not fit exactly.

    A missing value (None, NaN in a whole-number type, pandas NA) leaves as the signature's `na`. `per_row` is how many
    elements a row has.
    """
    datatype = spec.datatype or ""
    exact = _EXACT_TYPES.get(datatype, int)
    if exact is not None and all(issubclass(kind, exact) for kind in set(map(type, values))):
        try:
            return struct.pack(f"<{len(values)}{FORMATS[datatype]}", *values)
        except struct.error:  # out of range: the slow way finds out which
            pass
    pack = struct.Struct(f"<{FORMATS[datatype]}")
    parts = []
    for position, value in enumerate(values):
        try:
            parts.append(_pack_exactly(spec, value, pack))
        except (ValueError, TypeError, OverflowError, struct.error) as error:
            raise InvalidOutput(spec.name, _reason(error, value, datatype), position // per_row) from None
    return b"".join(parts)


def nested(values: list[Any], shape: Sequence[int]) -> Any:
    """Row-major values as nested lists of the shape; the value itself for rank 0."""
    if not shape:
        return values[0]
    for depth in range(len(shape) - 1, 0, -1):
        size = shape[depth]
        outer = 1
        for dimension in shape[:depth]:
            outer *= dimension
        values = [values[i * size : (i + 1) * size] for i in range(outer)]
    return values


def flattened(value: Any) -> tuple[list[Any], tuple[int, ...]]:
    """The inverse: elements in row-major order and the shape. Raises ValueError if the lists are ragged."""
    values, shape = [value], []
    while values and isinstance(values[0], (list, tuple)):
        size = len(values[0])
        if any(not isinstance(part, (list, tuple)) or len(part) != size for part in values):
            raise ValueError("lists of unequal length")
        shape.append(size)
        values = [element for part in values for element in part]
    return values, tuple(shape)


def is_missing(value: Any) -> bool:
    """None, NaN, NaT and pandas NA, without importing pandas to know."""
    if value is None:
        return True
    name = type(value).__name__
    return name in ("NAType", "NaTType") or (isinstance(value, float) and value != value)


# The type whose values struct packs exactly or refuses; it would round those of the narrower floats.
_EXACT_TYPES = {"FP64": float, "FP32": None, "FP16": None, "BOOL": bool}


class _Missing(ValueError):
    pass


def _pack_exactly(spec: Tensor, value: Any, pack: struct.Struct) -> bytes:
    datatype = spec.datatype or ""
    if is_missing(value):
        if datatype in FLOATS:
            return pack.pack(value if isinstance(value, float) else float("nan"))
        if spec.na is None:
            raise _Missing("a missing value, and the signature gives no `na`")
        value = spec.na
    elif hasattr(value, "dtype") and hasattr(value, "item"):
        value = value.item()  # a numpy scalar
    if not isinstance(value, (int, float)):
        raise TypeError
    if datatype == "BOOL":
        if value not in (0, 1):
            raise ValueError
        return pack.pack(bool(value))
    if datatype not in FLOATS and isinstance(value, float):
        if not value.is_integer():
            raise ValueError
        value = int(value)
    packed = pack.pack(value)
    if pack.unpack(packed)[0] != value:
        raise ValueError
    return packed


def _reason(error: Exception, value: Any, datatype: str) -> str:
    if isinstance(error, _Missing):
        return str(error)
    if isinstance(value, float) and datatype in ("FP32", "FP16"):
        return f"{value!r} is not exactly a {datatype}: return numpy.float{datatype[2:]}, or declare the output as FP64"
    return f"{value!r:.80} ({type(value).__name__}) is no {datatype}"
