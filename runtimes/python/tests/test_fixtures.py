"""The behaviour suite's Python models, called with what test/contract/README.md says of them."""

import struct
import unittest
from typing import Any

from harness_process import elements, tensor, value
from support import FIXTURES, HarnessTestCase, needs_numpy, needs_pandas

X32, Y32 = tensor("x", "INT32", [-1]), tensor("y", "INT32", [-1])
X64, Y64 = tensor("x", "FP64", [-1]), tensor("y", "FP64", [-1])


def ints(*numbers: int) -> dict[str, Any]:
    return value(0, "INT32", [len(numbers)], struct.pack(f"<{len(numbers)}i", *numbers))


def doubles(*numbers: float) -> bytes:
    return struct.pack(f"<{len(numbers)}d", *numbers)


@needs_numpy
class FixturesTest(HarnessTestCase):
    def start(self, behaviour: str, inputs: list[Any], outputs: list[Any], **settings: Any) -> Any:
        harness = self.harness(FIXTURES / behaviour / "python")
        self.convention = harness.start(inputs, outputs, **settings)
        return harness

    def test_echo_datatypes(self) -> None:
        samples = {
            "BOOL": b"\1\0",
            "INT8": b"\x80\1",
            "INT16": b"\0\x80",
            "INT32": bytes(4),
            "INT64": b"\xff" * 8,
            "UINT8": b"\xff",
            "UINT16": b"\xff\xff",
            "UINT32": b"\xff" * 4,
            "UINT64": b"\xff" * 8,
            "FP16": b"\1\x7e",
            "FP32": b"\x45\x23\xc1\x7f",
            "FP64": b"\x45\x23\1\0\0\0\xf0\x7f",
            "BF16": b"\xc1\x7f",
            "BYTES": elements(b"\xff\0", ""),
        }
        counts = {"BOOL": 2, "INT8": 2, "BYTES": 2}
        inputs = [tensor(f"x_{name.lower()}", name, [-1]) for name in samples]
        outputs = [tensor(f"y_{name.lower()}", name, [-1]) for name in samples]
        harness = self.start("echo_datatypes", inputs, outputs)
        sent = [value(i, name, [counts.get(name, 1)], data) for i, (name, data) in enumerate(samples.items())]
        name, result = harness.infer([0], sent)
        self.assertEqual((name, self.convention), ("RESULT", "named"))
        self.assertEqual([result["tensors"][i]["data"] for i in range(len(samples))], list(samples.values()))

    def test_matrix(self) -> None:
        harness = self.start("matrix", [tensor("x", "INT32", [-1, -1])], [tensor("y", "INT32", [-1, -1])])
        _, result = harness.infer([1, 1], [value(0, "INT32", [2, 3], struct.pack("<6i", *range(6)))])
        self.assertEqual(struct.unpack("<6i", result["tensors"][0]["data"]), (0, 11, 22, 30, 41, 52))

    def test_named(self) -> None:
        columns = [tensor(name, "INT32", [-1, 2]) for name in ("a", "b", "sum", "difference")]
        harness = self.start("named", columns[:2], columns[2:])
        sent = [value(i, "INT32", [1, 2], struct.pack("<2i", *pair)) for i, pair in enumerate([(5, 6), (1, 2)])]
        _, result = harness.infer([1], sent)
        self.assertEqual([struct.unpack("<2i", result["tensors"][i]["data"]) for i in (0, 1)], [(6, 8), (4, 4)])

    @needs_pandas
    def test_frame(self) -> None:
        inputs = [
            tensor("age", "FP64", [-1]),
            tensor("plan", "BYTES", [-1], levels=["basic", "premium"], na=""),
            tensor("visits", "INT64", [-1], na=-1),
        ]
        harness = self.start(
            "frame", inputs, [tensor("score", "FP64", [-1]), tensor("label", "BYTES", [-1], na="")], content_type="pd"
        )
        sent = [
            value(0, "FP64", [4], doubles(10, 20, 30, 40)),
            value(1, "BYTES", [4], elements("basic", "premium", "", "premium")),
            value(2, "INT64", [4], struct.pack("<4q", 1, 2**53 + 1, 3, -1)),
        ]
        _, result = harness.infer([2, 2], sent)
        score = struct.unpack("<4d", result["tensors"][0]["data"])
        self.assertEqual((score[:2], score[2] != score[2], score[3]), ((20, 140), True, 180))
        self.assertEqual(result["tensors"][1]["data"], elements("basic:1", f"premium:{2**53 + 1}", "", ""))

    def test_row_and_inferred(self) -> None:
        for behaviour, settings in (("row", {"per": "row"}), ("inferred", {})):
            with self.subTest(behaviour):
                inputs = [tensor("age", "FP64", [-1]), tensor("plan", "BYTES", [-1])]
                harness = self.start(behaviour, inputs, [tensor("output", "FP64", [-1])], **settings)
                sent = [value(0, "FP64", [2], doubles(50, 50)), value(1, "BYTES", [2], elements("basic", "premium"))]
                _, result = harness.infer([1, 1], sent)
                self.assertEqual((self.convention, result["tensors"][0]["data"]), ("row", doubles(0.5, 1.5)))

    def test_inferred_says_its_signature(self) -> None:
        loaded = self.harness(FIXTURES / "inferred" / "python").load()
        inputs = [tensor("age", "FP64", [-1]), tensor("plan", "BYTES", [-1], content_type="str")]
        self.assertEqual(loaded["hints"], {"inputs": inputs, "outputs": [tensor("output", "FP64", [-1])]})

    def test_raise(self) -> None:
        harness = self.start("raise", [X64], [Y64])
        name, error = harness.infer([2], [value(0, "FP64", [2], doubles(1, -1.5))])
        self.assertEqual((name, error["kind"], error["type"]), ("ERROR", "MODEL_ERROR", "NegativeValue"))
        self.assertEqual((error["message"], error["traceback"]), ("x is negative: -1.5", ["model.py:8 in predict"]))
        self.assertEqual(harness.infer([1], [value(0, "FP64", [1], doubles(3))])[1]["tensors"][0]["data"], doubles(6))

    def test_raise_row(self) -> None:
        harness = self.start("raise_row", [X64], [Y64], per="row")
        _, result = harness.infer([1, 1], [value(0, "FP64", [2], doubles(1, -1))])
        self.assertEqual((result["segments"], result["tensors"][0]["data"]), ([1, 0], doubles(2)))
        self.assertEqual((result["errors"][0]["type"], result["errors"][0]["message"]), ("NegativeValue", "x is negative: -1"))

    def test_noisy_stdout(self) -> None:
        harness = self.start("noisy_stdout", [X32], [Y32])
        self.assertEqual(harness.infer([0], [ints(7)])[0], "RESULT")
        log = harness.read_log(until=b"\xff\xfe")
        for line in (b"loading noisy\n", b"out 7\n", b"err 7\n", b"line 999\n"):
            self.assertIn(line, log)

    def test_wrong_output(self) -> None:
        harness = self.start("wrong_output", [X32], [tensor("y", "FP64", [-1, 2])])
        self.assertEqual(harness.infer([1, 1], [ints(0, 0)])[0], "RESULT")
        for case in (1, 2, 3, 4):
            with self.subTest(case):
                name, error = harness.infer([1, 1], [ints(case, 0)])
                self.assertEqual((name, error["kind"]), ("ERROR", "INVALID_OUTPUT"))

    def test_fails_to_load(self) -> None:
        harness = self.harness(FIXTURES / "fails_to_load" / "python")
        harness.expect("HELLO")
        harness.init()
        failed = harness.expect("FAILED")
        self.assertEqual((failed["kind"], failed["message"]), ("LOAD_FAILED", "cannot find the weights"))

    def test_exits(self) -> None:
        harness = self.start("exits_while_serving", [X32], [Y32])
        self.assertEqual(harness.infer([0], [ints(1)])[0], "RESULT")
        with self.assertRaises(EOFError):
            harness.infer([0], [ints(-1)])
        self.assertEqual(harness.exit_status(), 3)
        harness = self.start("answers_then_exits", [X32], [Y32])
        self.assertEqual(harness.infer([0], [ints(-1)])[0], "RESULT")
        with self.assertRaises(EOFError):
            harness.receive()

    def test_slow_and_keeps_state(self) -> None:
        harness = self.start("slow", [X32], [Y32])
        self.assertEqual(harness.infer([0], [ints(1)])[1]["tensors"][0]["data"], struct.pack("<i", 1))
        harness = self.start("keeps_state", [X32], [tensor("count", "INT64", [1])])
        counts = [harness.infer([0], [ints(0)])[1]["tensors"][0]["data"] for _ in range(2)]
        self.assertEqual(counts, [struct.pack("<q", 1), struct.pack("<q", 2)])


if __name__ == "__main__":
    unittest.main()
