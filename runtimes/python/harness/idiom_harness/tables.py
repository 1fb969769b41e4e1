"""Tables as pandas data frames: a column per input, with missing values and categories. Imported only where a model takes one."""

from collections.abc import Sequence
from typing import Any, Callable

import numpy
import pandas

from .arrays import ArrayEncoder, dtype_of, object_array
from .elements import encode_elements
from .errors import InvalidOutput
from .plain import pack_numbers
from .protocol import FLOATS, Tensor
from .tensor_body import join_elements

# What pandas makes of text: `str` since pandas 3, object before.
_TEXT = pandas.Series(["text"]).dtype


def data_frame(names: Sequence[str], columns: Sequence[Any]) -> pandas.DataFrame:
    """The table of a call; the columns are the ones that `column_builder` made."""
    return pandas.DataFrame(dict(zip(names, columns)), copy=False)


def number_column(spec: Tensor) -> Callable[[numpy.ndarray], Any]:
    """Compiles what turns an input's numbers into a column; with `na` a nullable one."""
    if spec.na is None or spec.datatype in FLOATS:
        return lambda values: values.reshape(-1)
    array_type = pandas.arrays.BooleanArray if spec.datatype == "BOOL" else pandas.arrays.IntegerArray
    na = dtype_of(spec.datatype or "").type(spec.na)

    def nullable(values: numpy.ndarray) -> Any:
        column = values.reshape(-1)
        return array_type(column, column == na)

    return nullable


def element_column(spec: Tensor, content_type: Any) -> Callable[[list[Any]], Any]:
    """Compiles what turns the decoded elements of a BYTES input into a column; with `levels` a categorical one."""
    if spec.levels is not None:
        categories = pandas.CategoricalDtype(spec.levels)
        codes = {level: code for code, level in enumerate(spec.levels)}
        codes[None] = -1  # type: ignore[index]  # pandas' code for a missing value
        return lambda values: pandas.Categorical.from_codes([codes[value] for value in values], dtype=categories)
    if content_type == "datetime":
        return lambda values: pandas.Series(values, dtype=None if values else "datetime64[us]")
    if content_type == "base64":
        return lambda values: object_array(values, (len(values),))
    return lambda values: pandas.Series(values, dtype=_TEXT)


class ColumnEncoder:
    """Compiled for one output: a pandas column or frame to its shape and data."""

    def __init__(self, spec: Tensor) -> None:
        self._spec = spec
        self._array = ArrayEncoder(spec)
        self._dtype = None if spec.datatype == "BYTES" else dtype_of(spec.datatype or "")

    def __call__(self, value: Any) -> tuple[tuple[int, ...], Any]:
        """Raises InvalidOutput. pandas turns whole numbers into floats where one is missing, so exact values are cast back."""
        if isinstance(value, pandas.DataFrame):
            return self._array(value.to_numpy())
        if isinstance(value, (pandas.Index, pandas.api.extensions.ExtensionArray)):
            value = pandas.Series(value)
        if value.dtype == self._dtype:
            return self._array(value.to_numpy())
        values = value.astype(object).tolist()
        if self._dtype is None:
            return (len(values),), join_elements(encode_elements(self._spec, values))
        if not (pandas.api.types.is_numeric_dtype(value.dtype) or value.dtype == object):
            raise InvalidOutput(self._spec.name, f"{value.dtype} where the signature says {self._spec.datatype}")
        return (len(values),), pack_numbers(self._spec, values)
