"""invalid.json against a real harness: each violation is answered by FAILED of kind PROTOCOL, and the exit status is 70."""

import struct
import unittest

from harness_process import TYPES, tensor, tensor_body, value
from support import HarnessTestCase, vectors

ECHO = "def predict(x: list[list[float]]):\n    return x\n"
ECHO_TEXT = "def predict(x: list[str]):\n    return x\n"


class ViolationsTest(HarnessTestCase):
    def test_every_vector(self) -> None:
        numbers, text = self.model(ECHO), self.model(ECHO_TEXT)
        for case in vectors("invalid.json")["violations"]:
            if case["receiver"] == "host":
                continue
            with self.subTest(case["name"]):
                is_text = case["name"].startswith("bytes-")
                harness = self.harness(text if is_text else numbers)
                signature = ("BYTES", [-1]) if is_text else ("FP32", [-1, 2])
                harness.start([tensor("x", *signature)], [tensor("y", *signature)])
                harness.send_bytes(bytes.fromhex(case["stream"]))
                failed = harness.expect("FAILED")
                self.assertEqual(failed["kind"], "PROTOCOL")
                self.assertTrue(failed["message"])
                self.assertEqual(harness.exit_status(), 70)

    def test_inputs_that_are_not_the_signatures(self) -> None:
        fine = value(0, "FP32", [1, 2], bytes(8))
        wrong = {
            "no input": [],
            "an index beyond the signature": [{**fine, "index": 1}],
            "an input twice": [fine, fine],
            "another data type": [value(0, "INT32", [1, 2], bytes(8))],
        }
        folder = self.model(ECHO)
        for name, tensors in wrong.items():
            with self.subTest(name):
                harness = self.harness(folder)
                harness.start([tensor("x", "FP32", [-1, 2])], [tensor("y", "FP32", [-1, 2])])
                harness.send("INFER", tensor_body([1], tensors), 1)
                self.assertEqual(harness.expect("FAILED")["kind"], "PROTOCOL")
                self.assertEqual(harness.exit_status(), 70)

    def test_a_known_header_with_another_body_length(self) -> None:
        harness = self.harness(ECHO)
        harness.start([tensor("x", "FP32", [-1, 2])], [tensor("y", "FP32", [-1, 2])])
        body = tensor_body([1], [value(0, "FP32", [1, 2], bytes(8))])
        harness.send("INFER", body, 1)
        harness.expect("RESULT")
        harness.send("INFER", body + bytes(4), 2)
        self.assertEqual(harness.expect("FAILED")["kind"], "PROTOCOL")

    def test_frames_at_the_wrong_time(self) -> None:
        folder = self.model(ECHO)
        for name, send in {
            "INFER before INIT": lambda h: h.send("INFER", bytes(16), 1),
            "BIND before INIT": lambda h: h.send("BIND", {"inputs": [], "outputs": []}),
            "a BIND without outputs": lambda h: (h.init(), h.expect("LOADED"), h.send("BIND", {"inputs": []})),
            "a BIND of an unknown data type": lambda h: (
                h.init(),
                h.expect("LOADED"),
                h.send("BIND", {"inputs": [tensor("x", "FP33", [-1])], "outputs": []}),
            ),
            "INIT twice": lambda h: (h.init(), h.expect("LOADED"), h.init()),
        }.items():
            with self.subTest(name):
                harness = self.harness(folder)
                harness.expect("HELLO")
                send(harness)
                self.assertEqual(harness.expect("FAILED")["kind"], "PROTOCOL")
                self.assertEqual(harness.exit_status(), 70)

    def test_the_limit_is_the_one_of_init(self) -> None:
        harness = self.harness(ECHO)
        harness.load(max_frame=1024)
        harness.send_bytes(struct.pack("<IBBHQ", 1025, TYPES["BIND"], 0, 0, 0))
        self.assertEqual(harness.expect("FAILED")["kind"], "PROTOCOL")


if __name__ == "__main__":
    unittest.main()
