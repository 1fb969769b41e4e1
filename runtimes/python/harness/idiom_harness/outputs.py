"""What the model returned, as the signature's outputs: picked by name, encoded, their shapes fitted."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Optional

from .elements import encode_elements
from .errors import InvalidOutput
from .plain import flattened, pack_numbers
from .protocol import Tensor
from .tensor_body import element_count, join_elements

# An output's value to its shape and its bytes; raises InvalidOutput.
Encoded = tuple[tuple[int, ...], Any]
Encoder = Callable[[Any], Encoded]


class OutputEncoder:
    """Compiled for one output; chooses by the type of the value, and remembers the choice."""

    def __init__(self, spec: Tensor) -> None:
        self._spec = spec
        self._by_type: dict[type, Encoder] = {}

    def __call__(self, value: Any) -> Encoded:
        """The shape and data of the value. Raises InvalidOutput."""
        encoder = self._by_type.get(type(value))
        if encoder is None:
            encoder = self._by_type[type(value)] = self._choose(type(value))
        return encoder(value)

    def _choose(self, kind: type) -> Encoder:
        is_table = hasattr(kind, "dtype") or hasattr(kind, "columns")
        if is_table and kind.__module__.partition(".")[0] == "pandas":
            from .tables import ColumnEncoder

            return ColumnEncoder(self._spec)
        if hasattr(kind, "__array__"):  # numpy, and what converts itself to it
            from .arrays import ArrayEncoder

            return ArrayEncoder(self._spec)
        return self._encode_plain

    def _encode_plain(self, value: Any) -> Encoded:
        spec = self._spec
        try:
            values, shape = flattened(value)
        except ValueError as error:
            raise InvalidOutput(spec.name, f"no tensor: {error}") from error
        if values and getattr(values[0], "shape", None):  # a list of arrays
            from .arrays import ArrayEncoder

            return ArrayEncoder(spec)(value)
        per_row = element_count(shape[1:])
        if spec.datatype == "BYTES":
            return shape, join_elements(encode_elements(spec, values, per_row))
        return shape, pack_numbers(spec, values, per_row)


class ResultReader:
    """Picks the outputs out of a result: by name from a map, record or frame; a single result is the only output."""

    def __init__(self, outputs: Sequence[Tensor], of_records: bool = False) -> None:
        self._names = [spec.name for spec in outputs]
        self._of_records = of_records
        self._getters: dict[type, Optional[Callable[[Any, str], Any]]] = {}

    def values(self, result: Any) -> list[Any]:
        """One value for each output, in the signature's order. Raises InvalidOutput."""
        getter = self._getter(type(result))
        if getter is not None:
            return self._by_name(result, getter)
        if self._of_records and isinstance(result, list):
            item_getter = self._getter(type(result[0])) if result else None
            if item_getter is not None or (not result and len(self._names) > 1):
                rows = [self._by_name(item, self._getter(type(item)) or _get_nothing) for item in result]
                return [list(column) for column in zip(*rows)] if rows else [[] for _ in self._names]
        if len(self._names) == 1:
            return [result]
        example = ", ".join(f"{name!r}: ..." for name in self._names)
        raise InvalidOutput(self._names[0], f"the model returned one {type(result).__name__}; return {{{example}}}")

    def _getter(self, kind: type) -> Optional[Callable[[Any, str], Any]]:
        try:
            return self._getters[kind]
        except KeyError:
            getter = self._getters[kind] = _getter_for(kind)
            return getter

    def _by_name(self, result: Any, getter: Callable[[Any, str], Any]) -> list[Any]:
        try:
            return [getter(result, name) for name in self._names]
        except (KeyError, AttributeError) as error:
            missing = next((name for name in self._names if not _has(result, getter, name)), None)
            if missing is None:
                raise
            given = ", ".join(map(repr, _given_names(result))) or "nothing by name"
            raise InvalidOutput(missing, f"missing; the model returned {given}") from error


def _getter_for(kind: type) -> Optional[Callable[[Any, str], Any]]:
    is_frame = kind.__name__ == "DataFrame" and hasattr(kind, "columns")
    if is_frame or issubclass(kind, Mapping):
        return lambda result, name: result[name]
    return getattr if hasattr(kind, "__dataclass_fields__") or hasattr(kind, "_fields") else None


def _get_nothing(result: Any, name: str) -> Any:
    raise KeyError(name)


def _has(result: Any, getter: Callable[[Any, str], Any], name: str) -> bool:
    try:
        getter(result, name)
    except (KeyError, AttributeError):
        return False
    return True


def _given_names(result: Any) -> list[str]:
    for names in ("columns", "__dataclass_fields__", "_fields"):
        if hasattr(result, names):
            return [str(name) for name in getattr(result, names)][:20]
    return [str(name) for name in result][:20] if isinstance(result, Mapping) else []


def fitted_shape(spec: Tensor, shape: tuple[int, ...], rows: Optional[int]) -> tuple[int, ...]:
    """The shape as the signature writes it; [n] and [n,1] stand for each other. Raises InvalidOutput if it does not fit.

    `rows` is what dimension 0 must be, or None where rows are not counted.
    """
    declared = spec.shape or ()
    fitted = shape
    if shape == (0,) and len(declared) > 1:  # an empty list knows nothing of its further dimensions
        fitted = (0, *[max(dimension, 0) for dimension in declared[1:]])
    elif len(declared) == 2 and len(shape) == 1:
        fitted = (*shape, 1)
    elif len(declared) == 1 and len(shape) == 2 and shape[1] == 1:
        fitted = shape[:1]
    if len(fitted) != len(declared) or any(want not in (-1, have) for want, have in zip(declared, fitted)):
        raise InvalidOutput(spec.name, f"the shape {list(shape)} where the signature says {list(declared)}")
    if rows is not None and (not fitted or fitted[0] != rows):
        raise InvalidOutput(spec.name, f"the shape {list(shape)} for {rows} rows")
    return fitted
