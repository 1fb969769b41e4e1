"""The calling conventions: what the function gets, and what becomes of what it returns."""

import json
import struct
import unittest
from typing import Any

from harness_process import elements, tensor, value
from support import HarnessTestCase, needs_numpy, needs_pandas


def doubles(*numbers: float) -> bytes:
    return struct.pack(f"<{len(numbers)}d", *numbers)


def floats_of(result: dict[str, Any], index: int = 0) -> list[float]:
    data = result["tensors"][index]["data"]
    return list(struct.unpack(f"<{len(data) // 8}d", data))


def column(index: int, *numbers: float) -> dict[str, Any]:
    return value(index, "FP64", [len(numbers)], doubles(*numbers))


A, B = tensor("a", "FP64", [-1]), tensor("b", "FP64", [-1])
Y, Z = tensor("y", "FP64", [-1]), tensor("z", "FP64", [-1])
TOLD = tensor("told", "BYTES", [-1])


class TensorTest(HarnessTestCase):
    @needs_numpy
    def test_one_input_goes_to_the_only_parameter_whatever_its_name(self) -> None:
        harness = self.harness("def predict(anything):\n    anything *= 2\n    return anything\n")
        self.assertEqual(harness.start([A], [Y]), "tensor")
        _, result = harness.infer([1, 2], [column(0, 1, 2, 3)])
        self.assertEqual((result["segments"], floats_of(result)), ([1, 2], [2, 4, 6]))

    @needs_numpy
    def test_a_kept_input_is_not_overwritten_by_the_next(self) -> None:
        harness = self.harness("kept = []\ndef predict(x):\n    kept.append(x)\n    return kept[0]\n")
        harness.start([A], [Y])
        harness.infer([1], [column(0, 1)])
        self.assertEqual(floats_of(harness.infer([1], [column(0, 2)])[1]), [1])

    def test_typed_lists_are_lists(self) -> None:
        source = """
            import sys
            def predict(x: list[list[float]]) -> list[str]:
                return [repr(x), str("numpy" in sys.modules)]
        """
        harness = self.harness(source)
        self.assertEqual(harness.start([tensor("x", "FP64", [-1, -1])], [TOLD]), "tensor")
        _, result = harness.infer([0], [value(0, "FP64", [2, 2], doubles(1, 2, 3, 4))])
        self.assertEqual(result["tensors"][0]["data"], elements("[[1.0, 2.0], [3.0, 4.0]]", "False"))

    def test_without_numpy_tensors_are_lists(self) -> None:
        absent = "raise ModuleNotFoundError('none here', name='numpy')\n"
        harness = self.harness("def predict(x):\n    return [-v for v in x]\n", numpy__py=absent)
        self.assertEqual(harness.start([A], [Y]), "tensor")
        self.assertEqual(floats_of(harness.infer([0], [column(0, 1, 2)])[1]), [-1, -2])

    def test_n_and_n_by_1_stand_for_each_other(self) -> None:
        for declared, returned in (([-1, 1], "[1.0, 2.0]"), ([-1], "[[1.0], [2.0]]")):
            with self.subTest(declared):
                harness = self.harness(f"def predict(x: list[float]):\n    return {returned}\n")
                harness.start([A], [tensor("y", "FP64", declared)])
                _, result = harness.infer([2], [column(0, 0, 0)])
                self.assertEqual(result["tensors"][0]["shape"], [2, *declared[1:]])

    def test_bytes_follow_the_content_type_of_the_model(self) -> None:
        harness = self.harness("def predict(x: list[bytes]):\n    return [repr(v) for v in x]\n")
        harness.start([tensor("x", "BYTES", [-1])], [TOLD], content_type="base64")
        _, result = harness.infer([1], [value(0, "BYTES", [1], elements("YQ=="))])
        self.assertEqual(result["tensors"][0]["data"], elements("b'a'"))

    def test_bytes_follow_the_content_type_of_the_request(self) -> None:
        harness = self.harness("def predict(x: list[bytes]):\n    return [repr(v) for v in x]\n")
        harness.start([tensor("x", "BYTES", [-1])], [TOLD])
        for content_type, item, told in (
            (None, "a", "b'a'"),
            ("str", "a", "'a'"),
            ("base64", "YQ==", "b'a'"),
            ("datetime", "2026-01-02", "datetime.datetime(2026, 1, 2, 0, 0)"),
        ):
            with self.subTest(content_type):
                _, result = harness.infer([1], [value(0, "BYTES", [1], elements(item), content_type)])
                self.assertEqual(result["tensors"][0]["data"], elements(told))
        for content_type, item in (("str", b"\xff"), ("base64", "?"), ("datetime", "yesterday")):
            with self.subTest(content_type, item=item):
                _, error = harness.infer([2], [value(0, "BYTES", [2], elements("", item), content_type)])
                self.assertEqual(error["kind"], "INVALID_INPUT")


class NamedTest(HarnessTestCase):
    def test_inputs_bind_by_name_not_by_order(self) -> None:
        for parameters, a, b in (
            ("b, a", "a", "b"),
            ("*, a, b", "a", "b"),
            ("b, a, extra=0", "a", "b"),
            ("a, **others", "a", "others['b']"),
            ("b, *, a", "a", "b"),
            ("b, /, *, a", "a", "b"),
            ("values: dict", "values['a']", "values['b']"),
        ):
            with self.subTest(parameters):
                harness = self.harness(f"def predict({parameters}):\n    return {{'z': list({b}), 'y': list({a})}}\n")
                self.assertEqual(harness.start([A, B], [Y, Z]), "named")
                _, result = harness.infer([2], [column(1, 3, 4), column(0, 1, 2)])
                self.assertEqual((floats_of(result, 0), floats_of(result, 1)), ([1, 2], [3, 4]))

    def test_records_and_named_tuples_give_outputs_by_name(self) -> None:
        for base, decorator in (("", "@dataclass"), ("(NamedTuple)", "")):
            source = f"""
                from dataclasses import dataclass
                from typing import List, NamedTuple
                {decorator}
                class Both{base}:
                    z: List[float]
                    y: List[float]
                def predict(a: List[float], b: List[float]) -> Both:
                    return Both(y=a, z=b)
            """
            harness = self.harness(source)
            harness.start([A, B], [Y, Z])
            _, result = harness.infer([1], [column(0, 1), column(1, 2)])
            self.assertEqual((floats_of(result, 0), floats_of(result, 1)), ([1], [2]))

    def test_wrong_results_are_named(self) -> None:
        for returned, complaint in (
            ("{'y': a}", "output 'z': missing; the model returned 'y'"),
            ("a", "output 'y': the model returned one list; return {'y': ..., 'z': ...}"),
            ("{'y': a, 'z': [[1.0, 2.0]]}", "output 'z': the shape [1, 2] where the signature says [-1]"),
            ("{'y': a + a, 'z': a}", "output 'y': the shape [2] for 1 rows"),
            ("{'y': a, 'z': ['text']}", "output 'z', row 0: 'text' (str) is no FP64"),
            ("{'y': a, 'z': (v for v in a)}", "output 'z', row 0: <generator"),
        ):
            with self.subTest(returned):
                harness = self.harness(f"def predict(a: list, b: list):\n    return {returned}\n")
                harness.start([A, B], [Y, Z])
                name, error = harness.infer([1], [column(0, 1), column(1, 2)])
                self.assertEqual((name, error["kind"], error["type"]), ("ERROR", "INVALID_OUTPUT", None))
                self.assertTrue(error["message"].startswith(complaint), error["message"])


@needs_pandas
class FrameTest(HarnessTestCase):
    INPUTS = [
        tensor("age", "FP64", [-1]),
        tensor("plan", "BYTES", [-1, 1], levels=["basic", "premium"], na=""),
        tensor("visits", "INT64", [-1], na=-1),
        tensor("since", "BYTES", [-1], content_type="datetime"),
    ]

    def rows(self, plan: str) -> list[dict[str, Any]]:
        return [
            column(0, 1, 2),
            value(1, "BYTES", [2, 1], elements("basic", plan)),
            value(2, "INT64", [2], struct.pack("<2q", -1, 7)),
            value(3, "BYTES", [2], elements("2026-01-02T03:04:05Z", "2026-01-02T03:04:05.5Z")),
        ]

    def test_a_table_has_a_typed_column_per_input(self) -> None:
        source = """
            def predict(df):
                return {"told": [str(t).partition("64[")[0] for t in df.dtypes], "back": df["since"]}
        """
        harness = self.harness(source)
        outputs = [TOLD, tensor("back", "BYTES", [-1], content_type="datetime")]
        self.assertEqual(harness.start(self.INPUTS, outputs, content_type="pd"), "frame")
        _, result = harness.infer([0], self.rows(""))
        self.assertEqual(result["tensors"][0]["data"], elements("float64", "category", "Int64", "datetime"))
        self.assertEqual(result["tensors"][1]["data"], elements("2026-01-02T03:04:05Z", "2026-01-02T03:04:05.5Z"))

    def test_missing_values_both_ways(self) -> None:
        harness = self.harness("import pandas as pd\ndef predict(df: pd.DataFrame) -> pd.DataFrame:\n    return df\n")
        self.assertEqual(harness.start(self.INPUTS, self.INPUTS[:3]), "frame")
        _, result = harness.infer([1, 1], self.rows(""))
        self.assertEqual(result["tensors"][1]["data"], elements("basic", ""))
        self.assertEqual(result["tensors"][2]["data"], struct.pack("<2q", -1, 7))

    def test_an_unseen_level_is_named_with_its_row(self) -> None:
        harness = self.harness("def predict(df):\n    return df\n")
        harness.start(self.INPUTS, self.INPUTS[:1], content_type="pd")
        name, error = harness.infer([2], self.rows("gold"))
        self.assertEqual((name, error["kind"]), ("ERROR", "INVALID_INPUT"))
        self.assertEqual(error["message"], "input 'plan', row 1: 'gold' is none of its levels: basic, premium")

    def test_no_rows(self) -> None:
        harness = self.harness("def predict(df):\n    return df\n")
        text = tensor("text", "BYTES", [-1])
        harness.start([A, text], [A, text], content_type="pd")
        _, result = harness.infer([0], [column(0), value(1, "BYTES", [0], b"")])
        self.assertEqual([t["shape"] for t in result["tensors"].values()], [[0], [0]])


class RecordsTest(HarnessTestCase):
    def test_a_list_of_records_is_a_table(self) -> None:
        source = """
            from dataclasses import dataclass
            from typing import List, TypedDict
            class Customer(TypedDict):
                a: float
                plan: str
            @dataclass
            class Answer:
                y: float
                told: str
            def predict(customers: List[Customer]) -> List[Answer]:
                return [Answer(y=c["a"], told=c["plan"].upper()) for c in customers]
        """
        harness = self.harness(source)
        self.assertEqual(harness.start([A, tensor("plan", "BYTES", [-1])], [Y, TOLD]), "frame")
        _, result = harness.infer([2], [column(0, 1, 2), value(1, "BYTES", [2], elements("ö", "b"))])
        self.assertEqual((floats_of(result), result["tensors"][1]["data"]), ([1, 2], elements("Ö", "B")))
        _, result = harness.infer([0], [column(0), value(1, "BYTES", [0], b"")])
        self.assertEqual(result["tensors"][1]["shape"], [0])


class RowTest(HarnessTestCase):
    INPUTS = [A, tensor("plan", "BYTES", [-1], levels=["basic", "premium"])]
    MODEL = """
        calls = []
        def predict(a: float, plan: str) -> float:
            calls.append(a)
            if a < 0:
                raise ValueError(f"no: {a}")
            if a == 99:
                return "text"
            if a == 1000:
                return len(calls)
            return a + (plan == "premium")
    """

    def infer(self, segments: list[int], numbers: list[float], plans: list[str]) -> tuple[Any, Any]:
        harness = self.harness(self.MODEL)
        self.assertEqual(harness.start(self.INPUTS, [Y]), "row")
        tensors = [column(0, *numbers), value(1, "BYTES", [len(plans)], elements(*plans))]
        name, result = harness.infer(segments, tensors)
        self.assertEqual(name, "RESULT")
        return harness, result

    def test_the_function_runs_once_per_row(self) -> None:
        _, result = self.infer([1, 2], [1, 2, 3], ["basic", "premium", "basic"])
        self.assertEqual((result["segments"], floats_of(result), result["errors"]), ([1, 2], [1, 3, 3], None))

    def test_plain_scalars_do_not_load_numpy(self) -> None:
        harness = self.harness("import sys\ndef predict(a: float) -> float:\n    return float('numpy' in sys.modules)\n")
        harness.start([A], [Y])
        self.assertEqual(floats_of(harness.infer([1], [column(0, 1)])[1]), [0])

    def test_a_row_that_fails_leaves_its_segment_out(self) -> None:
        _, result = self.infer([1, 3, 1], [1, 2, -1, 3, 4], ["basic"] * 5)
        self.assertEqual((result["segments"], floats_of(result)), ([1, 0, 1], [1, 4]))
        error = result["errors"][0]
        self.assertEqual((error["segment"], error["row"], error["kind"], error["type"]), (1, 1, "MODEL_ERROR", "ValueError"))
        self.assertEqual((error["message"], error["traceback"]), ("no: -1.0", ["model.py:6 in predict"]))

    def test_the_rest_of_a_failed_segment_is_not_run(self) -> None:
        _, result = self.infer([3, 1], [-1, 2, 3, 1000], ["basic"] * 4)
        self.assertEqual(floats_of(result), [2])

    def test_values_that_the_model_cannot_take_and_results_that_do_not_fit(self) -> None:
        _, result = self.infer([2, 1, 2, 1], [1, 2, 99, 3, 4, 5], ["basic", "gold", "basic", "basic", "premium", "basic"])
        self.assertEqual((result["segments"], floats_of(result)), ([0, 0, 2, 1], [3, 5, 5]))
        told = [(e["segment"], e["row"], e["kind"], e["message"]) for e in result["errors"]]
        self.assertEqual(
            told,
            [
                (0, 1, "INVALID_INPUT", "input 'plan': 'gold' is none of its levels: basic, premium"),
                (1, 0, "INVALID_OUTPUT", "output 'y': 'text' (str) is no FP64"),
            ],
        )

    def test_every_row_fails(self) -> None:
        harness, result = self.infer([0], [1, -1], ["basic", "basic"])
        self.assertEqual((result["segments"], result["tensors"][0]["shape"]), ([0], [0]))
        self.assertEqual([(e["segment"], e["row"]) for e in result["errors"]], [(0, 1)])
        self.assertEqual(harness.infer([0], [column(0), value(1, "BYTES", [0], b"")])[0], "RESULT")

    def test_several_outputs_and_outputs_of_several_elements(self) -> None:
        source = "def predict(a):\n    return {'p': [a, -a], 'told': str(a)}\n"
        harness = self.harness(source)
        self.assertEqual(harness.start([A], [tensor("p", "FP64", [-1, 2]), TOLD], per="row"), "row")
        _, result = harness.infer([2], [column(0, 1, 2)])
        self.assertEqual((result["tensors"][0]["shape"], floats_of(result)), ([2, 2], [1, -1, 2, -2]))
        self.assertEqual(result["tensors"][1]["data"], elements("1.0", "2.0"))
        self.assertEqual(harness.infer([0], [column(0)])[1]["tensors"][0]["shape"], [0, 2])

    def test_a_record_of_scalars_is_a_row(self) -> None:
        source = """
            from dataclasses import dataclass
            @dataclass
            class Customer:
                plan: str
                a: float
            def predict(customer: Customer) -> float:
                return customer.a
        """
        harness = self.harness(source)
        self.assertEqual(harness.start(self.INPUTS, [Y]), "row")
        self.assertEqual(floats_of(harness.infer([1], [column(0, 5), value(1, "BYTES", [1], elements("basic"))])[1]), [5])

    def test_missing_values_are_none(self) -> None:
        source = "import json\ndef predict(n: int, t: str) -> str:\n    return None if n is None else json.dumps([n, t])\n"
        harness = self.harness(source)
        harness.start([tensor("n", "INT64", [-1], na=-1), tensor("t", "BYTES", [-1], na="")], [{**TOLD, "na": "?"}])
        tensors = [value(0, "INT64", [2], struct.pack("<2q", -1, 2**60)), value(1, "BYTES", [2], elements("a", ""))]
        _, result = harness.infer([2], tensors)
        self.assertEqual(result["tensors"][0]["data"], elements("?", json.dumps([2**60, None])))


class ErrorTest(HarnessTestCase):
    def test_an_exception_is_told_with_the_authors_lines_only(self) -> None:
        helper = "import json\n\ndef parse(text):\n    return json.loads(text)\n"
        source = "from helper import parse\n\nclass Bad(ValueError): pass\n\ndef predict(x: list):\n    parse('{')\n"
        harness = self.harness(source, helper__py=helper)
        harness.start([A], [Y])
        name, error = harness.infer([1], [column(0, 1)])
        self.assertEqual((name, error["kind"], error["type"]), ("ERROR", "MODEL_ERROR", "JSONDecodeError"))
        self.assertEqual(error["traceback"], ["model.py:6 in predict", "helper.py:4 in parse"])
        self.assertEqual((error["segment"], error["row"]), (None, None))

    def test_exceptions_of_every_kind(self) -> None:
        for raised, kind in (
            ("BaseException('bare')", "BaseException"),
            ("GeneratorExit()", "GeneratorExit"),
            ("KeyError('k')", "KeyError"),
            ("type('Mute', (Exception,), {'__str__': lambda self: 1 / 0})()", "Mute"),
            ("Exception('\\udcff')", "Exception"),
        ):
            with self.subTest(raised):
                harness = self.harness(f"def predict(x: list):\n    raise {raised}\n")
                harness.start([A], [Y])
                name, error = harness.infer([1], [column(0, 1)])
                self.assertEqual((name, error["kind"], error["type"]), ("ERROR", "MODEL_ERROR", kind))
                self.assertEqual(harness.infer([1], [column(0, 1)])[0], "ERROR")

    def test_endless_recursion(self) -> None:
        harness = self.harness("def predict(x: list):\n    return predict(x)\n")
        harness.start([A], [Y])
        _, error = harness.infer([1], [column(0, 1)])
        self.assertEqual(error["type"], "RecursionError")
        self.assertLessEqual(len(error["traceback"]), 40)


if __name__ == "__main__":
    unittest.main()
