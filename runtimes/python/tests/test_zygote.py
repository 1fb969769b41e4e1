"""Forks (PROTOCOL.md, section 8): one process loads the model, its forks serve it."""

import os
import signal
import struct
import unittest
from pathlib import Path

from harness_process import Fork, Peer, ZygoteProcess, tensor, value
from support import HarnessTestCase, needs_numpy

X = [tensor("x", "FP64", [-1])]
Y = [tensor("y", "FP64", [-1])]
ZERO = [value(0, "FP64", [1], struct.pack("<d", 0))]
ECHO = "print('loaded')\ndef predict(x: list[float]):\n    return x\n"
PID = "import os\ndef predict(x: list[float]):\n    return [float(os.getpid())]\n"


class ForkTestCase(HarnessTestCase):
    def zygote(self, source: str) -> ZygoteProcess:
        """Started, with INIT sent."""
        process = ZygoteProcess(self.model(source))
        process.__enter__()
        self.addCleanup(process.__exit__)
        process.expect("HELLO")
        process.init()
        return process

    def forking(self, source: str) -> ZygoteProcess:
        """Its first fork is ready to serve."""
        process = self.zygote(source)
        process.first = process.forked(0)
        self.ready(process)
        return process

    def fork(self, zygote: ZygoteProcess) -> Fork:
        """One more, ready to serve."""
        peer = zygote.fork()
        peer.expect("HELLO")
        peer.init()
        self.ready(peer)
        return peer

    def ready(self, peer: Peer) -> None:
        peer.expect("LOADED")
        peer.send("BIND", {"inputs": X, "outputs": Y})
        peer.expect("READY")

    def answer(self, peer: Peer) -> float:
        name, result = peer.infer([1], ZERO)
        self.assertEqual(name, "RESULT", result)
        return struct.unpack("<d", result["tensors"][0]["data"])[0]


class ForkTest(ForkTestCase):
    def test_the_first_fork_serves_over_the_transport_of_the_process(self) -> None:
        zygote = self.forking(PID)
        self.assertEqual(self.answer(zygote), zygote.first.pid)
        self.assertNotEqual(zygote.first.pid, zygote.pid)

    def test_later_ones_greet_and_have_the_model_that_was_loaded_once(self) -> None:
        zygote = self.forking(ECHO)
        zygote.read_log(until=b"loaded\n")
        first, second = self.fork(zygote), self.fork(zygote)
        for peer in (first, second, zygote):
            self.assertEqual(self.answer(peer), 0)
        for peer in (first, second):
            peer.send("DRAIN")
            peer.expect("BYE")
            with self.assertRaises(EOFError):
                peer.read_log(until=b"loaded")

    def test_hello_says_the_forks_own_pid(self) -> None:
        zygote = self.forking(ECHO)
        peer = zygote.fork()
        self.assertEqual(peer.expect("HELLO")["pid"], peer.pid)

    def test_each_has_an_output_of_its_own(self) -> None:
        zygote = self.forking("def predict(x: list[float]):\n    print('printed')\n    return x\n")
        peer = self.fork(zygote)
        self.answer(peer)
        peer.read_log(until=b"printed\n")

    def test_each_draws_random_numbers_of_its_own(self) -> None:
        zygote = self.forking("import random\ndef predict(x: list[float]):\n    return [random.random()]\n")
        peers = [zygote, self.fork(zygote), self.fork(zygote)]
        self.assertEqual(len({self.answer(peer) for peer in peers}), 3)

    def test_each_draws_random_numbers_of_its_own_from_a_generator_of_the_models(self) -> None:
        source = "import random\nr = random.Random(1)\ndef predict(x: list[float]):\n    return [r.random()]\n"
        zygote = self.forking(source)
        peers = [zygote, self.fork(zygote), self.fork(zygote)]
        self.assertEqual(len({self.answer(peer) for peer in peers}), 3)

    @needs_numpy
    def test_each_draws_random_numbers_of_its_own_from_numpy(self) -> None:
        predict = "r.standard_normal()\ndef predict(x):\n    return r.standard_normal(1)\n"
        for generator in ("seed(1) or np.random", "RandomState(1)", "default_rng()", "Generator(np.random.SFC64(1))"):
            with self.subTest(generator):
                source = f"import numpy as np\nr = np.random.{generator}\n{predict}"
                zygote = self.forking(source)
                peers = [zygote, self.fork(zygote), self.fork(zygote)]
                self.assertEqual(len({self.answer(peer) for peer in peers}), 3)

    def test_temporary_files_are_its_own_and_gone_with_it(self) -> None:
        zygote = self.forking("""
            import tempfile
            tempfile.gettempdir()
            def predict(x: list[float]):
                print(tempfile.mkstemp()[1])
                return x
        """)
        peer = self.fork(zygote)
        self.answer(peer)
        file = Path(peer.read_log(until=b"\n").decode().strip())
        self.assertTrue(file.exists())
        os.kill(peer.pid, signal.SIGKILL)
        zygote.exited()
        self.assertFalse(file.parent.exists())

    @needs_numpy
    def test_what_calls_will_need_is_imported_once_before_the_forks(self) -> None:
        zygote = self.forking("""
            import os, sys
            imported = []
            os.register_at_fork(before=lambda: imported.append("numpy" in sys.modules))
            def predict(x):
                return [float(all(imported))]
        """)
        self.assertEqual([self.answer(zygote), self.answer(self.fork(zygote))], [1, 1])

    def test_a_load_that_fails_is_told_as_ever(self) -> None:
        zygote = self.zygote("raise ValueError('no')\n")
        self.assertEqual(zygote.expect("FAILED")["kind"], "LOAD_FAILED")
        self.assertEqual(zygote.exit_status(), 1)


class EndTest(ForkTestCase):
    def test_the_zygote_tells_how_each_ended(self) -> None:
        zygote = self.forking("import os\ndef predict(x: list[float]):\n    os._exit(3)\n")
        killed, leaving, drained = self.fork(zygote), self.fork(zygote), self.fork(zygote)
        os.kill(killed.pid, signal.SIGKILL)
        self.assertEqual(zygote.exited(), {"pid": killed.pid, "code": None, "signal": signal.SIGKILL})
        leaving.send_infer([1], ZERO, 1)
        self.assertEqual(zygote.exited(), {"pid": leaving.pid, "code": 3, "signal": None})
        drained.send("DRAIN")
        drained.expect("BYE")
        self.assertEqual(zygote.exited(), {"pid": drained.pid, "code": 0, "signal": None})

    def test_the_end_of_the_first_is_no_other(self) -> None:
        zygote = self.forking(ECHO)
        os.kill(zygote.first.pid, signal.SIGKILL)
        self.assertEqual(zygote.exited()["pid"], zygote.first.pid)
        with self.assertRaises(EOFError):
            zygote.receive()
        self.assertEqual(self.answer(self.fork(zygote)), 0)

    def test_one_whose_host_is_gone_ends_while_its_siblings_live(self) -> None:
        zygote = self.forking(ECHO)
        peer, sibling = self.fork(zygote), self.fork(zygote)
        peer.close()
        self.assertEqual(zygote.exited(), {"pid": peer.pid, "code": 0, "signal": None})
        self.assertEqual(self.answer(sibling), 0)

    def test_what_one_wrote_ends_with_it_while_its_siblings_live(self) -> None:
        zygote = self.forking(ECHO)
        peer = self.fork(zygote)
        self.fork(zygote)
        os.kill(peer.pid, signal.SIGKILL)
        with self.assertRaises(EOFError):
            peer.receive()

    def test_the_zygote_hears_of_each_end_whatever_the_author_does_with_the_signal_and_the_forks_keep_that(self) -> None:
        ignoring = "import os, signal\nsignal.signal(signal.SIGCHLD, signal.SIG_IGN)\n"
        asking = "import os, signal\nsignal.signal(signal.SIGCHLD, lambda *_: os.waitpid(-1, 0))\n"
        for author in (ignoring, asking):
            zygote = self.forking(
                f"{author}handler = signal.getsignal(signal.SIGCHLD)\n"
                + """
def predict(x: list[float]):
    return [float(signal.getsignal(signal.SIGCHLD) == handler and not signal.pthread_sigmask(signal.SIG_BLOCK, []))]
"""
            )
            peer, sibling = self.fork(zygote), self.fork(zygote)
            os.kill(peer.pid, signal.SIGKILL)
            self.assertEqual(zygote.exited(), {"pid": peer.pid, "code": None, "signal": signal.SIGKILL})
            for fork in (zygote, sibling, self.fork(zygote)):
                self.assertEqual(self.answer(fork), 1)

    def test_the_zygote_runs_no_handler_of_the_authors(self) -> None:
        zygote = self.forking("import os, signal\nsignal.signal(signal.SIGUSR1, lambda *_: os._exit(7))\n" + ECHO)
        os.kill(zygote.pid, signal.SIGUSR1)
        self.assertEqual(self.answer(self.fork(zygote)), 0)

    def test_the_zygote_ends_with_its_control_channel(self) -> None:
        zygote = self.forking(ECHO)
        zygote.control.close()
        self.assertEqual(zygote.exit_status(), 0)


class NoForkTest(ForkTestCase):
    def assert_serves_alone(self, source: str, reason: str) -> None:
        zygote = self.zygote(source)
        name, fork, body = zygote.control.receive()
        self.assertEqual((name, fork, body["kind"]), ("FAILED", 0, "NO_FORK"))
        self.assertIn(reason, body["message"])
        self.ready(zygote)
        self.assertEqual(self.answer(zygote), zygote.pid)
        with self.assertRaises(EOFError):
            zygote.control.receive()

    def test_a_model_with_threads_is_not_forked(self) -> None:
        threads = "import threading\nthreading.Thread(target=threading.Event().wait, daemon=True).start()\n"
        self.assert_serves_alone(threads + PID, "threads of its own")

    def test_a_model_with_processes_is_not_forked(self) -> None:
        processes = "import subprocess\nchild = subprocess.Popen(['cat'], stdin=subprocess.PIPE)\n"
        self.assert_serves_alone(processes + PID, "processes of its own")

    def test_a_model_that_keeps_a_file_open_is_not_forked(self) -> None:
        self.assert_serves_alone("weights = open('model.py')\n" + PID, "/model.py open")

    def test_a_model_that_keeps_a_connection_open_is_not_forked(self) -> None:
        self.assert_serves_alone("import socket\nends = socket.socketpair()\n" + PID, "socket:")

    def test_a_model_that_keeps_an_event_loop_is_not_forked(self) -> None:
        self.assert_serves_alone("import asyncio\nloop = asyncio.new_event_loop()\n" + PID, "open once it is loaded")

    def test_what_was_closed_forgotten_or_has_no_state_is_in_nobodys_way(self) -> None:
        self.forking("""
            closed = open('model.py')
            closed.close()
            forgotten = [open('model.py')]
            forgotten.append(forgotten)
            del forgotten
            entropy = open('/dev/urandom', 'rb')
            def predict(x: list[float]):
                return x
        """)


if __name__ == "__main__":
    unittest.main()
