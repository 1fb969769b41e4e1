"""The life of an instance: handshake, control frames, the ends it can come to, and what reaches the log."""

import os
import signal
import struct
import sys
import unittest

from harness_process import TYPES, elements, tensor, tensor_body, value
from support import HarnessTestCase

X = [tensor("x", "FP64", [-1])]
Y = [tensor("y", "FP64", [-1])]
ONE = [value(0, "FP64", [1], struct.pack("<d", 1.0))]
ECHO = "def predict(x: list[float]):\n    return x\n"


class HandshakeTest(HarnessTestCase):
    def test_hello_says_who_it_is(self) -> None:
        harness = self.harness(ECHO)
        hello = harness.expect("HELLO")
        version = ".".join(map(str, sys.version_info[:3]))
        self.assertEqual(
            hello, {"protocol": 1, "language": "python", "language_version": version, "pid": harness.pid, "features": []}
        )

    def test_no_user_code_runs_before_init(self) -> None:
        harness = self.harness('open("loaded", "w").close()\n' + ECHO)
        harness.expect("HELLO")
        harness.send("PING", frame_id=7)
        harness.expect("PONG")
        self.assertFalse((harness.folder / "loaded").exists())
        harness.init()
        harness.expect("LOADED")
        self.assertTrue((harness.folder / "loaded").exists())

    def test_ping_is_answered_with_its_id_at_any_time(self) -> None:
        harness = self.harness(ECHO)
        harness.start(X, Y)
        largest = 2**64 - 1
        harness.send("PING", frame_id=largest)
        self.assertEqual(harness.receive(), ("PONG", largest, {}))

    def test_coalesced_and_torn_frames(self) -> None:
        harness = self.harness(ECHO)
        harness.start(X, Y)
        body = tensor_body([1], ONE)
        frames = b"".join(struct.pack("<IBBHQ", len(body), TYPES["INFER"], 0, 0, i) + body for i in (1, 2, 3))
        harness.send_bytes(frames[:70])
        harness.send_bytes(frames[70:])
        self.assertEqual([harness.receive()[:2] for _ in range(3)], [("RESULT", i) for i in (1, 2, 3)])

    def test_a_frame_beyond_the_read_buffer_and_its_answer(self) -> None:
        harness = self.harness(ECHO)
        harness.start(X, Y)
        data = struct.pack("<100000d", *range(100000))
        name, result = harness.infer([100000], [value(0, "FP64", [100000], data)])
        self.assertEqual((name, result["tensors"][0]["data"]), ("RESULT", data))


class EndTest(HarnessTestCase):
    def test_drain_says_bye(self) -> None:
        harness = self.harness("import atexit\natexit.register(print, 'cleaned up')\n" + ECHO)
        harness.start(X, Y)
        harness.send("DRAIN")
        harness.expect("BYE")
        self.assertEqual(harness.exit_status(), 0)
        harness.read_log(until=b"cleaned up\n")

    def test_drain_before_ready(self) -> None:
        for settle in (lambda h: h.expect("HELLO"), lambda h: h.load()):
            harness = self.harness(ECHO)
            settle(harness)
            harness.send("DRAIN")
            harness.expect("BYE")
            self.assertEqual(harness.exit_status(), 0)

    def test_end_of_file_before_init(self) -> None:
        harness = self.harness(ECHO)
        harness.expect("HELLO")
        harness.socket.close()
        self.assertEqual(harness.exit_status(), 0)

    def test_end_of_file_while_idle_with_a_thread_left_running(self) -> None:
        harness = self.harness("import threading\nthreading.Thread(target=threading.Event().wait).start()\n" + ECHO)
        harness.start(X, Y)
        harness.socket.close()
        self.assertEqual(harness.exit_status(), 0)

    def test_end_of_file_inside_a_frame(self) -> None:
        harness = self.harness(ECHO)
        harness.start(X, Y)
        harness.send_bytes(struct.pack("<IBBHQ", 100, TYPES["INFER"], 0, 0, 1))
        harness.socket.close()
        self.assertEqual(harness.exit_status(), 0)

    def test_end_of_file_while_the_model_runs(self) -> None:
        harness = self.harness("def predict(x):\n    print('running', flush=True)\n    while True: pass\n")
        harness.start(X, Y)
        harness.send("INFER", tensor_body([1], ONE), 1)
        harness.read_log(until=b"running")
        harness.socket.close()
        self.assertEqual(harness.exit_status(), 0)

    def test_end_of_file_while_the_model_loads(self) -> None:
        harness = self.harness("import time\nprint('loading')\nwhile True: time.sleep(60)\n")
        harness.expect("HELLO")
        harness.init()
        harness.read_log(until=b"loading")
        harness.socket.close()
        self.assertEqual(harness.exit_status(), 0)

    def test_the_author_may_end_the_process(self) -> None:
        for code, status in (("3", 3), ("", 0), ("'no more'", 1)):
            with self.subTest(code):
                harness = self.harness(f"import sys\ndef predict(x):\n    print('last words', end='')\n    sys.exit({code})\n")
                harness.start(X, Y)
                harness.send("INFER", tensor_body([1], ONE), 1)
                self.assertEqual(harness.exit_status(), status)
                with self.assertRaises(EOFError):
                    harness.receive()
                harness.read_log(until=b"last words")


class CancelTest(HarnessTestCase):
    SLEEPER = """
        import time
        def predict(x):
            if x[0] > 0:
                print("running")
                time.sleep(600)
            return x
    """

    def cancel_running(self, source: str, **settings: str) -> None:
        harness = self.harness(source)
        harness.start(X, Y, **settings)
        harness.send("INFER", tensor_body([1], ONE), 5)
        harness.read_log(until=b"running")
        os.kill(harness.pid, signal.SIGINT)
        name, frame_id, error = harness.receive()
        self.assertEqual((name, frame_id, error["kind"], error["segment"]), ("ERROR", 5, "CANCELLED", None))
        zero = [value(0, "FP64", [1], bytes(8))]
        self.assertEqual(harness.infer([1], zero, 6)[0], "RESULT")

    def test_stops_a_running_call_and_serves_on(self) -> None:
        self.cancel_running(self.SLEEPER)

    def test_stops_a_call_per_row(self) -> None:
        self.cancel_running(self.SLEEPER.replace("x[0]", "x"), per="row")

    def test_stops_a_call_that_turns_the_interrupt_into_an_error(self) -> None:
        source = self.SLEEPER.replace(
            "time.sleep(600)", "\n".join(["try: time.sleep(600)", " " * 16 + "except KeyboardInterrupt: raise ValueError"])
        )
        self.cancel_running(source)

    def test_the_signal_does_nothing_between_calls(self) -> None:
        harness = self.harness(self.SLEEPER)
        harness.expect("HELLO")
        os.kill(harness.pid, signal.SIGINT)
        harness.init()
        harness.expect("LOADED")
        os.kill(harness.pid, signal.SIGINT)
        harness.send("BIND", {"inputs": X, "outputs": Y})
        harness.expect("READY")
        os.kill(harness.pid, signal.SIGINT)
        self.assertEqual(harness.infer([1], [value(0, "FP64", [1], bytes(8))])[0], "RESULT")

    def test_a_cancel_that_comes_too_late_does_nothing(self) -> None:
        harness = self.harness(ECHO)
        harness.start(X, Y)
        harness.infer([1], ONE, 1)
        harness.send("CANCEL", {"reason": "deadline"}, 1)
        self.assertEqual(harness.infer([1], ONE, 2)[0], "RESULT")

    def test_an_interrupt_of_the_authors_own_is_an_error(self) -> None:
        harness = self.harness("def predict(x):\n    raise KeyboardInterrupt('mine')\n")
        harness.start(X, Y)
        _, error = harness.infer([1], ONE)
        self.assertEqual((error["kind"], error["type"]), ("MODEL_ERROR", "KeyboardInterrupt"))


class LogTest(HarnessTestCase):
    def test_lines_reach_the_log_while_the_call_runs(self) -> None:
        harness = self.harness("import time\ndef predict(x):\n    print('begun')\n    time.sleep(600)\n")
        harness.start(X, Y)
        harness.send("INFER", tensor_body([1], ONE), 1)
        harness.read_log(until=b"begun\n")

    def test_an_unfinished_line_reaches_it_after_the_call(self) -> None:
        harness = self.harness("def predict(x):\n    print('half a line', end='')\n    return x\n")
        harness.start(X, Y)
        harness.infer([1], ONE)
        harness.read_log(until=b"half a line")

    def test_no_print_touches_the_transport(self) -> None:
        harness = self.harness("""
            import os, subprocess, sys
            os.write(1, b"native\\n")
            subprocess.run(["echo", "child"])
            def predict(x):
                print("\\udcff is no UTF-8")
                sys.stdout.buffer.write(b"\\xff\\xfe\\n")
                os.system("echo grandchild")
                sys.stdout.close()
                return x
        """)
        harness.start(X, Y)
        self.assertEqual(harness.infer([1], ONE)[0], "RESULT")
        self.assertEqual(harness.infer([1], ONE)[0], "ERROR")
        log = harness.read_log(until=b"grandchild")
        for line in (b"native\n", b"child\n", b"\\udcff is no UTF-8\n", b"\xff\xfe\n"):
            self.assertIn(line, log)

    def test_the_models_own_processes_work(self) -> None:
        source = """
            import multiprocessing
            import time
            from math import sqrt
            def predict(x: float) -> float:
                method = ["fork", "spawn"][int(x)]
                with multiprocessing.get_context(method).Pool(1) as pool:
                    return pool.map(sqrt, [4.0])[0]
        """
        harness = self.harness(source)
        harness.start(X, Y)
        _, result = harness.infer([1, 1], [value(0, "FP64", [2], struct.pack("<2d", 0, 1))])
        self.assertEqual((result["errors"], result["tensors"][0]["data"]), (None, struct.pack("<2d", 2, 2)))

    def test_a_child_of_the_model_does_not_hold_the_transport_open(self) -> None:
        harness = self.harness("""
            import subprocess
            def predict(x: float) -> float:
                child = subprocess.Popen(["sleep", "600"], close_fds=False)
                return child.pid
        """)
        harness.start(X, Y, per="row")
        _, result = harness.infer([1], ONE)
        child = int(struct.unpack("<d", result["tensors"][0]["data"])[0])
        self.addCleanup(os.kill, child, signal.SIGKILL)
        harness.send("DRAIN")
        harness.expect("BYE")
        with self.assertRaises(EOFError):
            harness.receive()


class LimitsTest(HarnessTestCase):
    def test_an_answer_beyond_max_frame(self) -> None:
        harness = self.harness("def predict(x: list[str]):\n    return [text * 1000 for text in x]\n")
        text = [tensor("x", "BYTES", [-1], content_type="str")]
        harness.start(text, [tensor("y", "BYTES", [-1])], max_frame=2048)
        name, error = harness.infer([1], [value(0, "BYTES", [1], elements("abcd"))])
        self.assertEqual((name, error["kind"]), ("ERROR", "RESULT_TOO_LARGE"))
        self.assertEqual(harness.infer([1], [value(0, "BYTES", [1], elements("a"))])[0], "RESULT")

    def test_memory_that_runs_out_is_named(self) -> None:
        harness = self.harness("""
            import resource
            resource.setrlimit(resource.RLIMIT_DATA, (512 << 20, 512 << 20))
            def predict(x: list[float]):
                return x if x[0] < 0 else bytes(1 << 31)
        """)
        harness.start(X, Y)
        name, error = harness.infer([1], ONE)
        self.assertEqual((name, error["kind"], error["type"]), ("ERROR", "OUT_OF_MEMORY", "MemoryError"))
        self.assertEqual(harness.infer([1], [value(0, "FP64", [1], struct.pack("<d", -1))])[0], "RESULT")


if __name__ == "__main__":
    unittest.main()
