"""A process that has loaded the model and forks the instances that serve it (PROTOCOL.md, section 8)."""

import contextlib
import gc
import os
import select
import shutil
import signal
import sys
from typing import Any, Optional

from . import descriptors
from .framing import FrameDecoder, json_frame, parse_json
from .generators import Generators
from .obstacles import find_obstacle
from .output_log import flush_log
from .protocol import EXITED, FAILED, FORK, FORKED, FRAME_NAMES, TAKEN, ProtocolViolation
from .stream import FrameStream

# The id of the fork that keeps the transport that the process was started with.
FIRST = 0

OUTPUT_PIPES = ("stdout", "stderr")
PIPES = ("input", "output", *OUTPUT_PIPES)

EXIT_BROKEN = 1


def fork_instances(control_fd: int, first: FrameStream) -> FrameStream:
    """Returns in every fork, with the transport of that instance, and never in this process.

    Where the model cannot be forked it returns `first` here: this process is the instance then, and the only one.
    """
    obstacle = find_obstacle({0, 1, 2, control_fd, first.input_fd})
    zygote = _Zygote(control_fd)
    if obstacle is None:
        # What has been loaded stays: a collector that walks it in the forks would copy every page of it.
        gc.freeze()
        try:
            is_fork = zygote.fork_first(first)
        except OSError as error:
            obstacle = str(error)
        else:
            return first if is_fork else _serve(zygote)
    zygote.give_up(obstacle)
    return first


def _serve(zygote: "_Zygote") -> FrameStream:
    try:
        return zygote.serve()
    except BaseException:  # the session, which reports errors to its host, has gone to the forks
        os._exit(EXIT_BROKEN)


class _Zygote:
    def __init__(self, control_fd: int) -> None:
        self._control_fd = control_fd
        self._decoder = FrameDecoder()
        self._poll = select.poll()
        self._poll.register(control_fd, select.POLLIN)
        self._forks: dict[int, int] = {}  # pids by the descriptor that tells the end of each
        self._host_ends: dict[int, list[int]] = {}  # by the fork's id, until the host has opened its own
        self._generators = Generators()
        self._signals = _AuthorsSignals()

    def fork_first(self, stream: FrameStream) -> bool:
        """The instance that keeps the transport of this process. Whether this is the fork; OSError if there is none."""
        self._signals.put_aside()
        try:
            is_fork = self._fork(FIRST, OUTPUT_PIPES, kept=stream.input_fd) is not None
        except OSError:
            self._signals.restore()
            raise
        if not is_fork:
            descriptors.close(stream.input_fd)
            # Nothing is printed here any more, and nobody would know whose it is.
            null = os.open(os.devnull, os.O_WRONLY)
            _redirect_output(null, null)
            os.close(null)
        return is_fork

    def give_up(self, reason: str) -> None:
        """No fork will come from this process."""
        self._send(FAILED, FIRST, _no_fork(reason))
        descriptors.close(self._control_fd)

    def serve(self) -> FrameStream:
        """Forks an instance for each FORK. Returns in the forks alone."""
        while True:
            for fd, _ in self._poll.poll():
                if fd in self._forks:
                    self._report_end(fd)
                    continue
                stream = self._answer_host()
                if stream is not None:
                    return stream

    def _answer_host(self) -> Optional[FrameStream]:
        try:
            count = os.readv(self._control_fd, (self._decoder.space(),))
        except ConnectionError:
            count = 0
        if count == 0:
            os._exit(0)
        self._decoder.received(count)
        while True:
            frame = self._decoder.next_frame()
            if frame is None:
                return None
            frame_type, frame_id, body = frame
            parse_json(body)
            if frame_type == FORK:
                stream = self._fork_next(frame_id)
                if stream is not None:
                    return stream
            elif frame_type == TAKEN:
                descriptors.close(*self._host_ends.pop(frame_id, ()))
            else:
                raise ProtocolViolation(f"an unexpected {FRAME_NAMES[frame_type]}")

    def _fork_next(self, frame_id: int) -> Optional[FrameStream]:
        """The transport in the fork, None here."""
        try:
            ends = self._fork(frame_id, PIPES)
        except OSError as error:
            self._send(FAILED, frame_id, _no_fork(str(error)))
            return None
        return None if ends is None else FrameStream(ends["input"], ends["output"])

    def _fork(self, frame_id: int, names: tuple[str, ...], kept: Optional[int] = None) -> Optional[dict[str, int]]:
        """Its ends of these pipes in the fork, which also keeps the descriptor `kept`; None here. Raises OSError."""
        fork_ends, host_ends = {}, {}
        for name in names:
            read, write = os.pipe()
            fork_ends[name], host_ends[name] = (read, write) if name == "input" else (write, read)
        descriptors.own(*host_ends.values())
        if kept is not None:
            descriptors.leave_to_fork(kept)
        flush_log()
        try:
            pid = os.fork()
        except OSError:
            descriptors.close(*fork_ends.values(), *host_ends.values())
            raise
        finally:
            if kept is not None:
                descriptors.own(kept)
        if pid == 0:
            _redirect_output(fork_ends["stdout"], fork_ends["stderr"])
            descriptors.close(fork_ends["stdout"], fork_ends["stderr"])
            _become_another()
            self._generators.renew()
            self._signals.restore()
            return fork_ends
        descriptors.close(*fork_ends.values())
        end = os.pidfd_open(pid)
        descriptors.own(end)
        self._forks[end] = pid
        self._poll.register(end, select.POLLIN)
        self._host_ends[frame_id] = list(host_ends.values())
        self._send(FORKED, frame_id, {"pid": pid, "pipes": {name: host_ends.get(name) for name in PIPES}})
        return None

    def _report_end(self, end: int) -> None:
        pid = self._forks.pop(end)
        self._poll.unregister(end)
        descriptors.close(end)
        code = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
        shutil.rmtree(_own_folder(pid), ignore_errors=True)
        self._send(EXITED, 0, {"pid": pid, "code": code if code >= 0 else None, "signal": -code if code < 0 else None})

    def _send(self, frame_type: int, frame_id: int, body: dict[str, Any]) -> None:
        try:
            os.write(self._control_fd, json_frame(frame_type, frame_id, body))
        except ConnectionError:
            os._exit(0)


class _AuthorsSignals:
    """What the author does with signals holds in the forks; in the process that forks them it runs nothing and hides no end."""

    def __init__(self) -> None:
        self._on_child_end: Any = None
        self._mask: set[Any] = set()

    def put_aside(self) -> None:
        self._mask = signal.pthread_sigmask(signal.SIG_BLOCK, signal.valid_signals())
        # Where it is ignored the kernel tells no parent how a child ended.
        self._on_child_end = signal.signal(signal.SIGCHLD, signal.SIG_DFL)

    def restore(self) -> None:
        if self._on_child_end is not None:  # by a library: Python does not know it
            signal.signal(signal.SIGCHLD, self._on_child_end)
        signal.pthread_sigmask(signal.SIG_SETMASK, self._mask)


def _no_fork(reason: str) -> dict[str, Any]:
    return {"kind": "NO_FORK", "type": None, "message": reason, "traceback": []}


def _redirect_output(stdout: int, stderr: int) -> None:
    os.dup2(stdout, 1)
    os.dup2(stderr, 2)


def _become_another() -> None:
    """In a fork: session and temporary files are not those of its siblings."""
    os.setsid()
    folder = _own_folder(os.getpid())
    with contextlib.suppress(OSError):
        os.mkdir(folder, 0o700)
        os.environ["TMPDIR"] = folder
        if "tempfile" in sys.modules:
            sys.modules["tempfile"].tempdir = None  # type: ignore[attr-defined]


def _own_folder(pid: int) -> str:
    return os.path.join(os.environ.get("TMPDIR", "/tmp"), f"instance-{pid}")
