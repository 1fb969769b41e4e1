"""Loading: which file and function are found, what LOADED tells of them, and how a failure is told."""

import json
import unittest
from typing import Any

from harness_process import HarnessProcess, tensor
from support import RUNTIME, HarnessTestCase, needs_numpy, needs_pandas

from idiom_harness.entry import DEFAULT_FILE

X, Y = tensor("x", "FP64", [-1]), tensor("y", "FP64", [-1])


class EntryTest(HarnessTestCase):
    def failure(self, harness: HarnessProcess, **settings: Any) -> dict[str, Any]:
        harness.expect("HELLO")
        harness.init(**settings)
        failed = harness.expect("FAILED")
        self.assertEqual(harness.exit_status(), 1)
        return failed

    def test_the_host_looks_for_the_file_that_the_harness_looks_for(self) -> None:
        runtime = json.loads((RUNTIME / "runtime.json").read_text(encoding="utf-8"))
        self.assertEqual(runtime["entry_files"][0], DEFAULT_FILE)

    def test_found_without_being_named(self) -> None:
        for source, symbol in (
            ("def other(x): pass\ndef predict(x): pass\n", "predict"),
            ("from json import dumps\ndef _helper(): pass\ndef score(x): pass\n", "score"),
            ("import math\npredict = math.sqrt\n", "predict"),
        ):
            with self.subTest(symbol):
                self.assertEqual(self.harness(source).load()["entry"], f"model.py:{symbol}")

    def test_found_by_name(self) -> None:
        other = "class M:\n    def predict(self, x): return x\nm = M()\ndef score(x): return x\n"
        for entry in ("other.py:score", "other.py:m.predict"):
            with self.subTest(entry):
                self.assertEqual(self.harness("", other__py=other).load(entry=entry)["entry"], entry)

    def test_no_such_file_lists_what_is_there(self) -> None:
        folder = self.model("", data__csv="")
        (folder / "model.py").rename(folder / "score.py")
        failed = self.failure(self.harness(folder))
        self.assertEqual(failed["kind"], "ENTRY_NOT_FOUND")
        self.assertIn("found: data.csv, score.py", failed["message"])
        self.assertIn("`entry: score.py:predict`", failed["message"])

    def test_no_such_function_lists_what_is_there(self) -> None:
        source = "def train(x): pass\ndef score(x): pass\nlimit = 3\n"
        for entry, complaint in (
            (None, "model.py has no function predict; found: train, score. Name one in model.yaml: `entry: model.py:train`."),
            ("model.py:nothing", "model.py has no nothing; found: train, score."),
            ("model.py:limit", "limit in model.py is no function but a int;"),
        ):
            with self.subTest(entry):
                failed = self.failure(self.harness(source), entry=entry)
                self.assertEqual(failed["kind"], "ENTRY_NOT_FOUND")
                self.assertTrue(failed["message"].startswith(complaint), failed["message"])

    def test_a_missing_package_is_named(self) -> None:
        failed = self.failure(self.harness("\nimport no_such_package.part\n"))
        self.assertEqual((failed["kind"], failed["type"]), ("MISSING_PACKAGE", "ModuleNotFoundError"))
        self.assertEqual(
            (failed["message"], failed["traceback"]), ("No module named 'no_such_package'", ["model.py:2 in <module>"])
        )

    def test_top_level_code_that_fails(self) -> None:
        for source, kind, line in (
            (
                "def load():\n    raise OSError('no weights')\nload()\n",
                "OSError",
                ["model.py:3 in <module>", "model.py:2 in load"],
            ),
            ("def predict(x:\n", "SyntaxError", ["model.py:1 in <module>"]),
            ("import sys\nsys.exit(3)\n", "SystemExit", ["model.py:2 in <module>"]),
            ("raise KeyboardInterrupt\n", "KeyboardInterrupt", ["model.py:1 in <module>"]),
        ):
            with self.subTest(kind):
                failed = self.failure(self.harness(source))
                self.assertEqual((failed["kind"], failed["type"], failed["traceback"]), ("LOAD_FAILED", kind, line))

    def test_memory_that_runs_out_while_loading(self) -> None:
        source = "import resource\nresource.setrlimit(resource.RLIMIT_DATA, (256 << 20,) * 2)\nweights = bytes(1 << 31)\n"
        self.assertEqual(self.failure(self.harness(source))["kind"], "OUT_OF_MEMORY")

    def test_the_model_is_alone_on_its_path(self) -> None:
        source = """
            import sys
            import main  # the author's, not the harness's
            from pathlib import Path
            assert sys.path[0] == str(Path(__file__).parent), sys.path
            assert not any(Path(entry, "idiom_harness").exists() for entry in sys.path), sys.path
            assert sys.argv == [__file__] and __name__ == "model"
            assert Path("main.py").exists()
            def predict(x): return x
        """
        harness = self.harness(source, main__py="mine = True\n")
        harness.load()
        self.assertFalse((harness.folder / "__pycache__").exists())

    def test_a_file_named_as_a_module_of_the_standard_library(self) -> None:
        harness = self.harness("", json__py="def predict(x): return x\n")
        self.assertEqual(harness.load(entry="json.py")["entry"], "json.py:predict")


class HintsTest(HarnessTestCase):
    def loaded(self, source: str) -> dict[str, Any]:
        return self.harness(source).load()

    def test_without_types_nothing_is_said(self) -> None:
        loaded = self.loaded("def predict(x): return x\n")
        self.assertEqual((loaded["hints"], loaded["artifact"]), ({"inputs": None, "outputs": None}, None))

    def test_scalars_are_columns(self) -> None:
        source = """
            from __future__ import annotations
            from datetime import datetime
            from typing import Annotated, Literal, Optional
            def predict(a: float, n: Optional[int], flag: bool, t: Annotated[str, "text"], raw: bytes, when: datetime,
                        plan: Literal["basic", "premium"], threshold: float = 0.5) -> float: ...
        """
        hints = self.loaded(source)["hints"]
        self.assertEqual(
            hints["inputs"],
            [
                tensor("a", "FP64", [-1]),
                tensor("n", "INT64", [-1]),
                tensor("flag", "BOOL", [-1]),
                tensor("t", "BYTES", [-1], content_type="str"),
                tensor("raw", "BYTES", [-1]),
                tensor("when", "BYTES", [-1], content_type="datetime"),
                tensor("plan", "BYTES", [-1], content_type="str", levels=["basic", "premium"]),
            ],
        )
        self.assertEqual(hints["outputs"], [tensor("output", "FP64", [-1])])

    def test_records_give_names(self) -> None:
        source = """
            from dataclasses import dataclass
            from typing import TypedDict
            class Customer(TypedDict):
                age: float
                plan: str
            @dataclass
            class Answer:
                p: float
                label: str
            def predict(customer: Customer) -> Answer: ...
        """
        hints = self.loaded(source)["hints"]
        self.assertEqual([t["name"] for t in hints["inputs"]], ["age", "plan"])
        self.assertEqual([(t["name"], t["datatype"]) for t in hints["outputs"]], [("p", "FP64"), ("label", "BYTES")])

    def test_lists_say_their_rank(self) -> None:
        hints = self.loaded("def predict(x: list[list[float]]) -> list[int]: ...\n")["hints"]
        self.assertEqual(hints["inputs"], [tensor("x", "FP64", [-1, -1])])
        self.assertEqual(hints["outputs"], [tensor("output", "INT64", [-1])])

    @needs_numpy
    def test_arrays_say_what_they_know(self) -> None:
        source = """
            import numpy as np
            import numpy.typing as npt
            def predict(x: np.ndarray, y: npt.NDArray[np.float32], z) -> npt.NDArray[np.int64]: ...
            def only(x: np.ndarray) -> np.ndarray: ...
        """
        self.assertEqual(self.harness(source).load(entry="model.py:only")["hints"], {"inputs": None, "outputs": None})
        hints = self.loaded(source)["hints"]
        self.assertEqual(hints["inputs"], [tensor("x", None, None), tensor("y", "FP32", None), tensor("z", None, None)])
        self.assertEqual(hints["outputs"], [tensor("output", "INT64", None)])

    @needs_pandas
    def test_frames_have_no_names(self) -> None:
        source = "import pandas as pd\ndef predict(df: pd.DataFrame) -> pd.DataFrame: ...\n"
        self.assertEqual(self.loaded(source)["hints"], {"inputs": None, "outputs": None})

    def test_types_that_cannot_be_resolved_do_no_harm(self) -> None:
        source = "from __future__ import annotations\ndef predict(x: nowhere.Thing) -> float: return 0.0\n"
        self.assertEqual(self.loaded(source)["hints"]["inputs"], None)

    def test_a_fitted_model_gives_the_names_of_its_features(self) -> None:
        source = """
            class Fitted:
                def __init__(self, *names): self.feature_names_in_ = names
            class Broken:
                @property
                def feature_names_in_(self): raise RuntimeError
            scaler, model, broken = Fitted("age", "plan"), Fitted("age", "plan"), Broken()
            def predict(df): ...
        """
        artifact = self.harness(source).load(content_type="pd")["artifact"]
        self.assertEqual(artifact, {"inputs": [tensor("age", None, None), tensor("plan", None, None)], "outputs": None})
        self.assertIsNone(self.loaded(source)["artifact"], "a function of one array has no features as inputs")
        disagreeing = source.replace('model, broken = Fitted("age"', 'model, broken = Fitted("other"')
        self.assertIsNone(self.harness(disagreeing).load(content_type="pd")["artifact"])


class SignatureTest(HarnessTestCase):
    def mismatch(self, source: str, inputs: list[Any], **settings: Any) -> str:
        harness = self.harness(source)
        harness.load(**settings)
        harness.send("BIND", {"inputs": inputs, "outputs": [Y]})
        failed = harness.expect("FAILED")
        self.assertEqual((failed["kind"], harness.exit_status()), ("SIGNATURE", 1))
        return failed["message"]

    def test_names_that_differ_come_with_the_line_to_write(self) -> None:
        message = self.mismatch("def predict(a: float, b: float): ...\n", [X, tensor("a", "FP32", [-1])])
        self.assertIn("predict takes (a, b), the signature has the inputs (x, a)", message)
        line = "`inputs: [{name: a, datatype: FP32, shape: [-1]}, {name: b, datatype: FP64, shape: [-1]}]`"
        self.assertIn(line, message)

    def test_a_table_for_several_parameters(self) -> None:
        self.assertIn("remove `content_type: pd`", self.mismatch("def predict(a, b): ...\n", [X], content_type="pd"))

    def test_rows_need_columns(self) -> None:
        message = self.mismatch("def predict(x: float): ...\n", [tensor("x", "FP64", [-1, 4])])
        self.assertIn("`- {name: x, datatype: FP64, shape: [-1]}`", message)

    def test_an_na_that_the_type_does_not_have(self) -> None:
        absent = tensor("x", "UINT8", [-1], na="none")
        harness = self.harness("def predict(x: float): ...\n")
        harness.load()
        harness.send("BIND", {"inputs": [absent], "outputs": [Y]})
        self.assertEqual(harness.expect("FAILED")["kind"], "PROTOCOL")

    def test_async_functions_and_generators(self) -> None:
        self.assertIn("is async", self.mismatch("async def predict(x): ...\n", [X]))
        self.assertIn("is a generator", self.mismatch("def predict(x):\n    yield x\n", [X]))

    def test_a_table_without_pandas(self) -> None:
        absent = "raise ModuleNotFoundError('none here', name='pandas')\n"
        harness = self.harness("def predict(df): ...\n", pandas__py=absent)
        harness.load(content_type="pd")
        harness.send("BIND", {"inputs": [X], "outputs": [Y]})
        failed = harness.expect("FAILED")
        self.assertEqual(failed["kind"], "MISSING_PACKAGE")
        self.assertIn("add `pandas` to requirements.txt", failed["message"])


if __name__ == "__main__":
    unittest.main()
