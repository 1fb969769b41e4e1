"""values.json against the readers of inputs and the encoders of outputs, as each convention uses them."""

import math
import unittest
from collections.abc import Callable
from datetime import datetime, timezone
from typing import Any

from support import needs_numpy, needs_pandas, vectors

from idiom_harness.errors import InvalidOutput
from idiom_harness.inputs import array_reader, column_reader, list_reader, row_reader
from idiom_harness.outputs import OutputEncoder
from idiom_harness.plain import flattened, is_missing
from idiom_harness.protocol import DATATYPE_CODES, Tensor
from idiom_harness.tensor_body import TensorPlace

VALUES = vectors("values.json")
EPOCH = datetime(1970, 1, 1, tzinfo=timezone.utc)


def spec_of(case: dict[str, Any]) -> Tensor:
    return Tensor("x", case["datatype"], tuple(case["shape"]), case.get("content_type"), case.get("na"), case.get("levels"))


def read(case: dict[str, Any], reader: Callable[[Tensor], Any]) -> Any:
    """The native value of a case's bytes, as they lie in a body."""
    data = bytes.fromhex(case["bytes"])
    place = TensorPlace(0, DATATYPE_CODES[case["datatype"]], 0, tuple(case["shape"]), 24, len(data))
    return reader(spec_of(case))(place)(bytearray(24) + data)


def told(value: Any) -> Any:
    """A native element in the vectors' words."""
    if isinstance(value, datetime):
        return str(round((value - EPOCH).total_seconds() * 1000))
    if isinstance(value, bytes):
        return value.hex()
    return value


def matches(value: Any, expected: Any) -> bool:
    value = told(value)
    if expected is None:
        return is_missing(value)
    if isinstance(expected, str) and isinstance(value, float):
        wanted = float(expected.replace("Infinity", "inf"))
        same_sign = math.copysign(1, wanted) == math.copysign(1, value)
        return math.isnan(value) if math.isnan(wanted) else value == wanted and same_sign
    return value == expected if isinstance(expected, (bool, str)) and not isinstance(value, int) else str(value) == str(expected)


class ValuesTest(unittest.TestCase):
    def check(self, case: dict[str, Any], value: Any, listed: list[Any]) -> None:
        exception = case["except"].get("python", {})
        expected = exception.get("values", case["values"])
        self.assertEqual(len(listed), len(expected))
        for element, want in zip(listed, expected):
            self.assertTrue(matches(element, want), f"{element!r} is not {want!r}")
        _, data = OutputEncoder(spec_of(case))(value)
        self.assertEqual(bytes(data).hex(), exception.get("bytes", case["bytes"]))

    @needs_numpy
    def test_tensors_as_arrays(self) -> None:
        for case in VALUES["tensors"]:
            with self.subTest(case["name"]):
                array = read(case, array_reader)
                self.assertEqual(list(array.shape), case["shape"])
                self.check(case, array, array.reshape(-1).tolist())
                for at in case["at"]:
                    element = array[tuple(at["index"])]
                    self.assertTrue(matches(element.item() if hasattr(element, "item") else element, at["value"]))

    @needs_numpy
    def test_arrays_are_the_models_own(self) -> None:
        for case in VALUES["tensors"]:
            with self.subTest(case["name"]):
                array = read(case, array_reader)
                self.assertTrue(array.flags.writeable)
                self.assertTrue(array.flags.aligned)

    def test_tensors_as_lists(self) -> None:
        for case in VALUES["tensors"]:
            if "nan" in case["name"]:
                continue  # Python has one NaN; its payload is kept by arrays only
            with self.subTest(case["name"]):
                value = read(case, list_reader)
                listed, shape = flattened(value)
                if case["values"]:
                    self.assertEqual(list(shape), case["shape"])
                self.check(case, value, listed)

    @needs_pandas
    def test_columns_of_a_frame(self) -> None:
        import pandas

        for case in VALUES["columns"]:
            with self.subTest(case["name"]):
                column = pandas.DataFrame({"x": read(case, column_reader)})["x"]
                self.check(case, column, column.tolist())
                if case["levels"] is not None:
                    self.assertEqual(list(column.cat.categories), case["levels"])

    def test_columns_of_rows(self) -> None:
        for case in VALUES["columns"]:
            with self.subTest(case["name"]):
                column = read(case, row_reader)
                self.check(case, column, column)

    def test_casts_of_plain_numbers(self) -> None:
        for case in VALUES["casts"]:
            if case["languages"] is not None and "python" not in case["languages"]:
                continue
            number = float(case["value"])
            for value in {number, int(number)} if number.is_integer() else {number}:
                with self.subTest(case["name"], value=value):
                    encode = OutputEncoder(Tensor("y", case["datatype"], (-1,)))
                    if case["bytes"] is None:
                        with self.assertRaises(InvalidOutput):
                            encode([value])
                    else:
                        self.assertEqual(encode([value]), ((1,), bytes.fromhex(case["bytes"])))


class OutputTest(unittest.TestCase):
    def encode(self, value: Any, datatype: str, **more: Any) -> bytes:
        return bytes(OutputEncoder(Tensor("y", datatype, (-1,), **more))(value)[1])

    def test_a_missing_value_without_na_names_the_row(self) -> None:
        for datatype, values in (("INT64", [1, None]), ("BOOL", [True, None]), ("BYTES", ["a", None])):
            with self.subTest(datatype), self.assertRaisesRegex(InvalidOutput, "row 1: a missing value"):
                self.encode(values, datatype)

    def test_a_missing_float_is_nan(self) -> None:
        self.assertEqual(self.encode([None, 1.0], "FP64").hex(), "000000000000f87f000000000000f03f")

    def test_a_float_that_would_be_rounded_is_refused_with_the_way_out(self) -> None:
        with self.assertRaisesRegex(InvalidOutput, r"0\.1 is not exactly a FP32: return numpy\.float32, or declare"):
            self.encode([0.1], "FP32")

    def test_ragged_lists_are_no_tensor(self) -> None:
        with self.assertRaisesRegex(InvalidOutput, "unequal length"):
            self.encode([[1.0], [1.0, 2.0]], "FP64")

    def test_text_is_no_number(self) -> None:
        with self.assertRaisesRegex(InvalidOutput, r"'a' \(str\) is no INT32"):
            self.encode(["a"], "INT32")

    def test_a_number_is_no_text(self) -> None:
        with self.assertRaisesRegex(InvalidOutput, "1 is no text"):
            self.encode([1], "BYTES")

    def test_datetimes_leave_with_the_fraction_they_have(self) -> None:
        moment = datetime(2026, 1, 2, 3, 4, 5)
        for value, text in (
            (moment, "2026-01-02T03:04:05"),
            (moment.replace(microsecond=120000, tzinfo=timezone.utc), "2026-01-02T03:04:05.12Z"),
        ):
            self.assertEqual(self.encode([value], "BYTES", content_type="datetime")[4:].decode(), text)

    @needs_numpy
    def test_an_array_of_another_type_is_refused(self) -> None:
        import numpy

        for array, datatype in ((numpy.zeros(2), "FP32"), (numpy.zeros(2, "int32"), "INT64"), (numpy.array(["a", "b"]), "FP64")):
            with self.subTest(datatype), self.assertRaisesRegex(InvalidOutput, "where the signature says"):
                self.encode(array, datatype)

    @needs_numpy
    def test_an_array_leaves_row_major_and_little_endian_however_it_lies(self) -> None:
        import numpy

        plain = numpy.arange(6, dtype="int32").reshape(2, 3)
        for array in (numpy.asfortranarray(plain), plain.astype(">i4"), numpy.repeat(plain, 2, axis=1)[:, ::2]):
            self.assertEqual(self.encode(array, "INT32"), plain.tobytes())
        large = numpy.arange(60000, dtype="float64").reshape(200, 300)
        self.assertEqual(self.encode(large.T, "FP64"), large.T.tobytes())

    @needs_numpy
    def test_masked_elements_are_missing(self) -> None:
        import numpy

        masked = numpy.ma.array([1, 2], mask=[False, True], dtype="int64")
        self.assertEqual(self.encode(masked, "INT64", na=-1).hex(), "0100000000000000" + "ff" * 8)

    @needs_pandas
    def test_pandas_columns(self) -> None:
        import pandas

        column = pandas.Series([1.0, None])  # what pandas makes of whole numbers with a gap
        self.assertEqual(self.encode(column, "INT64", na=-1).hex(), "0100000000000000" + "ff" * 8)
        self.assertEqual(self.encode(pandas.Series(["a", None]), "BYTES", na=""), b"\1\0\0\0a\0\0\0\0")
        self.assertEqual(self.encode(pandas.Categorical(["b"]), "BYTES"), b"\1\0\0\0b")
        moments = pandas.to_datetime(pandas.Series(["2026-01-02T03:04:05.5"]))
        self.assertEqual(self.encode(moments, "BYTES", content_type="datetime")[4:], b"2026-01-02T03:04:05.5")
        with self.assertRaises(InvalidOutput):
            self.encode(pandas.Series(["a"]), "INT64")


if __name__ == "__main__":
    unittest.main()
