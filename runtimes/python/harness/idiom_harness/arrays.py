"""Tensors as numpy arrays, where the model's environment has numpy. Imported only for models that take or give arrays."""

from typing import Any, Optional

import numpy

from .elements import encode_elements
from .errors import InvalidOutput
from .plain import pack_numbers
from .protocol import Tensor
from .tensor_body import element_count, join_elements

# Up to here a copy costs less than asking whether one is needed.
COPY_LIMIT = 16 * 1024

_NAMES = {
    "BOOL": "bool",
    "UINT8": "uint8",
    "UINT16": "uint16",
    "UINT32": "uint32",
    "UINT64": "uint64",
    "INT8": "int8",
    "INT16": "int16",
    "INT32": "int32",
    "INT64": "int64",
    "FP16": "float16",
    "FP32": "float32",
    "FP64": "float64",
}


def dtype_of(datatype: str) -> numpy.dtype:
    """The array type of a data type of fixed size."""
    if datatype != "BF16":
        return numpy.dtype(_NAMES[datatype])
    try:
        from ml_dtypes import bfloat16
    except ImportError:
        return numpy.dtype("uint16")
    return numpy.dtype(bfloat16)


def object_array(values: list[Any], shape: tuple[int, ...]) -> numpy.ndarray:
    """An object array of the elements, whatever they are."""
    array = numpy.empty(len(values), dtype=object)
    array[:] = values
    return array.reshape(shape)


class ArrayEncoder:
    """Compiled for one output: an array to its shape and data."""

    def __init__(self, spec: Tensor) -> None:
        self._spec = spec
        self._dtype: Optional[numpy.dtype] = None if spec.datatype == "BYTES" else dtype_of(spec.datatype or "")

    def __call__(self, value: Any) -> tuple[tuple[int, ...], Any]:
        """Raises InvalidOutput if the elements are not of the declared type; the shape is not judged here."""
        if type(value) is not numpy.ndarray:
            value = self._as_array(value)
        if value.dtype is not self._dtype and value.dtype != self._dtype:
            return value.shape, self._convert(value)
        if value.nbytes <= COPY_LIMIT:
            return value.shape, value.tobytes()
        return value.shape, memoryview(numpy.ascontiguousarray(value).reshape(-1).view(numpy.uint8))

    def _as_array(self, value: Any) -> numpy.ndarray:
        try:
            array = numpy.asarray(value)  # of a masked array the data, whatever its mask
            if numpy.ma.is_masked(value):
                array = array.astype(object)
                array[numpy.ma.getmaskarray(value)] = None
            return array
        except (ValueError, TypeError) as error:
            raise InvalidOutput(self._spec.name, f"no tensor: {error}") from error

    def _convert(self, array: numpy.ndarray) -> bytes:
        spec = self._spec
        per_row = element_count(array.shape[1:])
        if array.dtype.kind == "M" and spec.content_type == "datetime":
            array = array.astype("datetime64[us]").astype(object)
        if self._dtype is None:
            return join_elements(encode_elements(spec, array.reshape(-1).tolist(), per_row))
        if array.dtype.newbyteorder("=") == self._dtype:
            return array.astype(self._dtype).tobytes()
        if array.dtype == object:  # Python's own numbers
            return pack_numbers(spec, array.reshape(-1).tolist(), per_row)
        raise InvalidOutput(spec.name, f"{array.dtype} where the signature says {spec.datatype} ({self._dtype})")
