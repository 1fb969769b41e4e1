"""BIND: compiles the function and the signature into what answers INFER frames."""

import contextlib
import importlib
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple, Optional

from .answers import ResultWriter
from .binding import (
    Spread,
    bind_names,
    bind_one,
    check_columns,
    choose_convention,
    records_factory,
    takes_lists,
    takes_rows,
    takes_tables,
)
from .calling import Answer, FrameCaller
from .errors import MissingPackage
from .hints import Function
from .inputs import RequestReader, array_reader, check_lengths, column_reader, list_reader, row_reader
from .interrupt import Interruptible
from .outputs import OutputEncoder, ResultReader
from .protocol import Tensor
from .rows import RowCaller


class Bound(NamedTuple):
    """The convention that was chosen, and what answers INFER frames under it."""

    convention: str
    answer: Answer


def bind(
    function: Function,
    inputs: Sequence[Tensor],
    outputs: Sequence[Tensor],
    per: str,
    content_type: Optional[str],
    max_frame: int,
    interruptible: Interruptible,
    folder: str,
) -> Bound:
    """Raises SignatureMismatch and MissingPackage."""
    convention = choose_convention(function, inputs, per, content_type)
    writer = ResultWriter(outputs, max_frame)
    if convention == "row":
        check_columns(inputs, convention)
        rows = RowCaller(bind_names(function, inputs), inputs, outputs, writer, interruptible, folder)
        return Bound(convention, rows.answer)
    if convention == "frame":
        check_columns(inputs, convention)
        invoke, make_reader = _bind_table(function, inputs)
    else:
        invoke = bind_one(function) if convention == "tensor" else bind_names(function, inputs)
        plain = takes_lists(function) or not _has("numpy")
        make_reader = list_reader if plain else array_reader
    requests = RequestReader(inputs, [make_reader(spec) for spec in inputs])
    results = ResultReader(outputs, of_records=convention == "frame")
    encoders = [OutputEncoder(spec) for spec in outputs]
    return Bound(convention, FrameCaller(invoke, requests, results, encoders, writer, interruptible, folder).answer)


def preload(function: Function, per: str, content_type: Optional[str]) -> None:
    """Imports the packages that `bind` and the calls will need, so that forks share them. What fails is left for `bind` to tell."""
    with contextlib.suppress(Exception):
        if takes_rows(function, per):
            return
        if takes_tables(function, content_type):
            if records_factory(function) is None and _has("pandas"):
                importlib.import_module(".tables", __package__)
        elif not takes_lists(function) and _has("numpy"):
            importlib.import_module(".arrays", __package__)


def _bind_table(function: Function, inputs: Sequence[Tensor]) -> tuple[Spread, Callable[[Tensor], Any]]:
    names = [spec.name for spec in inputs]
    call = bind_one(function)
    factory = records_factory(function)
    if factory is not None:

        def call_with_records(columns: Sequence[Any]) -> Any:
            check_lengths(names, columns)
            return call(([factory(**dict(zip(names, row))) for row in zip(*columns)],))

        return call_with_records, row_reader
    if not _has("pandas"):
        raise MissingPackage(
            f"{function.label} gets a data frame, and pandas is not in the model's environment; add `pandas` to requirements.txt"
        )
    from .tables import data_frame

    def call_with_frame(columns: Sequence[Any]) -> Any:
        check_lengths(names, columns)
        return call((data_frame(names, columns),))

    return call_with_frame, column_reader


def _has(package: str) -> bool:
    try:
        importlib.import_module(package)
    except ModuleNotFoundError as error:
        if error.name != package:
            raise MissingPackage(f"{package} cannot be imported: {error}") from error
        return False
    return True
