"""What a type annotation says about a value. numpy and pandas types are known by name, so that reading one imports neither."""

import typing
from datetime import datetime
from typing import Any, NamedTuple, Optional

from .protocol import Tensor

SCALAR = "scalar"
ARRAY = "array"
LIST = "list"
FRAME = "frame"
RECORD = "record"
RECORDS = "records"


class Hint(NamedTuple):
    """An annotation, understood. `kind` is one of the words above; fields that do not apply are None.

    `fields`: a record's members, None if the record does not name them (a plain dict).
    `factory`: what makes a record from keyword arguments.
    """

    kind: str
    datatype: Optional[str] = None
    shape: Optional[tuple[int, ...]] = None
    content_type: Optional[str] = None
    levels: Optional[list[str]] = None
    fields: Optional[dict[str, "Optional[Hint]"]] = None
    factory: Any = None

    def tensor(self, name: str) -> Tensor:
        """The hint for the input or output `name`; a scalar is one element of a column."""
        shape = (-1,) if self.kind == SCALAR else self.shape
        return Tensor(name, self.datatype, shape, self.content_type, None, self.levels)

    def is_row(self) -> bool:
        """A record of scalars: one row."""
        fields = (self.fields or {}).values()
        return self.kind == RECORD and bool(fields) and all(hint is not None and hint.kind == SCALAR for hint in fields)


_SCALARS = {
    bool: Hint(SCALAR, "BOOL"),
    int: Hint(SCALAR, "INT64"),
    float: Hint(SCALAR, "FP64"),
    str: Hint(SCALAR, "BYTES", content_type="str"),
    bytes: Hint(SCALAR, "BYTES"),
    datetime: Hint(SCALAR, "BYTES", content_type="datetime"),
}

_NUMPY_SCALARS = {
    "bool": "BOOL",
    "bool_": "BOOL",
    "float16": "FP16",
    "float32": "FP32",
    "float64": "FP64",
    **{f"{prefix}int{bits}": f"{prefix.upper()}INT{bits}" for prefix in ("", "u") for bits in (8, 16, 32, 64)},
}

_RECORD_ORIGINS = ("dict", "Mapping", "MutableMapping", "OrderedDict")


def understand(annotation: Any) -> Optional[Hint]:
    """The hint of an annotation, or None if it says nothing that the harness knows."""
    annotation = _bare(annotation)
    if isinstance(annotation, type) and annotation in _SCALARS:
        return _SCALARS[annotation]
    origin, arguments = typing.get_origin(annotation), typing.get_args(annotation)
    if origin is typing.Literal:
        return _literal(arguments)
    if origin in (list, tuple) or annotation is list or getattr(origin, "__name__", "") == "Sequence":
        return _list(arguments[0] if arguments else None)
    named = origin if origin is not None else annotation
    module, name = getattr(named, "__module__", ""), getattr(named, "__name__", "")
    package = str(module).partition(".")[0]
    if package == "numpy":
        return _numpy(name, arguments)
    if package == "pandas":
        return Hint(FRAME) if name == "DataFrame" else Hint(ARRAY, shape=(-1,)) if name == "Series" else None
    if _names_fields(annotation):
        return _record(annotation)
    return Hint(RECORD, factory=dict) if name in _RECORD_ORIGINS else None


def _bare(annotation: Any) -> Any:
    """Without Annotated and without the None of an optional value."""
    while True:
        if typing.get_origin(annotation) is typing.Annotated:
            annotation = typing.get_args(annotation)[0]
            continue
        # `float | None` has an origin of its own since Python 3.10; its name is the same everywhere.
        origin = typing.get_origin(annotation)
        if origin is typing.Union or getattr(origin, "__name__", "") == "UnionType":
            members = [member for member in typing.get_args(annotation) if member is not type(None)]
            if len(members) == 1:
                annotation = members[0]
                continue
        return annotation


def _literal(values: tuple[Any, ...]) -> Optional[Hint]:
    if all(isinstance(value, str) for value in values):
        return Hint(SCALAR, "BYTES", content_type="str", levels=list(values))
    return None


def _list(item: Any) -> Hint:
    inner = None if item is None else understand(item)
    if inner is None:
        return Hint(LIST)
    if inner.kind == RECORD:
        return Hint(RECORDS, fields=inner.fields, factory=inner.factory)
    if inner.kind == SCALAR:
        return Hint(LIST, inner.datatype, (-1,), inner.content_type, inner.levels)
    shape = None if inner.shape is None else (-1, *inner.shape)
    return Hint(inner.kind, inner.datatype, shape, inner.content_type, inner.levels)


def _numpy(name: str, arguments: tuple[Any, ...]) -> Optional[Hint]:
    if name in _NUMPY_SCALARS:
        return Hint(SCALAR, _NUMPY_SCALARS[name])
    if name != "ndarray":
        return None
    # NDArray[float32] is ndarray[shape, dtype[float32]].
    element = typing.get_args(arguments[1])[:1] if len(arguments) == 2 else ()
    return Hint(ARRAY, _NUMPY_SCALARS.get(getattr(element[0], "__name__", "")) if element else None)


def _names_fields(annotation: Any) -> bool:
    if not isinstance(annotation, type):
        return False
    is_typed_dict = issubclass(annotation, dict) and hasattr(annotation, "__total__")
    return is_typed_dict or hasattr(annotation, "__dataclass_fields__") or hasattr(annotation, "_fields")


def _record(annotation: Any) -> Hint:
    names = getattr(annotation, "__dataclass_fields__", None) or getattr(annotation, "_fields", None)
    types = resolved(annotation)
    return Hint(RECORD, fields={name: understand(types.get(name)) for name in names or types}, factory=annotation)


def resolved(annotated: Any) -> dict[str, Any]:
    """The annotations of a function or class; as they stand where a name in them cannot be resolved."""
    try:
        return typing.get_type_hints(annotated, include_extras=True)
    except Exception:  # an import under TYPE_CHECKING, a forward reference to nothing
        return dict(getattr(annotated, "__annotations__", {}))
