"""The host's side for tests: a real harness process over a real socket pair. Shares no code with the harness."""

import fcntl
import json
import os
import select
import shutil
import signal
import socket
import struct
import sys
import tempfile
from abc import ABC, abstractmethod
from pathlib import Path
from typing import Any, Optional

HARNESS = Path(__file__).resolve().parent.parent / "harness" / "main.py"
TIMEOUT_S = 20

TYPES = {
    "HELLO": 0x01,
    "INIT": 0x02,
    "LOADED": 0x03,
    "BIND": 0x04,
    "READY": 0x05,
    "FAILED": 0x06,
    "LOG": 0x07,
    "CANCEL": 0x08,
    "PING": 0x09,
    "PONG": 0x0A,
    "DRAIN": 0x0B,
    "BYE": 0x0C,
    "INFER": 0x10,
    "RESULT": 0x11,
    "ERROR": 0x12,
    "FORK": 0x20,
    "FORKED": 0x21,
    "TAKEN": 0x22,
    "EXITED": 0x23,
}
NAMES = {code: name for name, code in TYPES.items()}
DATATYPES = [
    "",
    *["BOOL", "UINT8", "UINT16", "UINT32", "UINT64", "INT8", "INT16", "INT32", "INT64", "FP16", "FP32", "FP64", "BYTES", "BF16"],
]
CONTENT_TYPES = [None, "np", "pd", "str", "base64", "datetime"]


def tensor(name: str, datatype: Optional[str], shape: Optional[list[int]], **more: Any) -> dict[str, Any]:
    """A tensor of a signature in JSON."""
    return {"name": name, "datatype": datatype, "shape": shape, "content_type": None, "na": None, "levels": None, **more}


def value(index: int, datatype: str, shape: list[int], data: bytes, content_type: Optional[str] = None) -> dict[str, Any]:
    """A tensor of a body."""
    return {"index": index, "datatype": datatype, "content_type": content_type, "shape": shape, "data": data}


def elements(*items: Any) -> bytes:
    """The data of a BYTES tensor."""
    encoded = [item.encode() if isinstance(item, str) else item for item in items]
    return b"".join(struct.pack("<I", len(item)) + item for item in encoded)


def tensor_body(segments: list[int], tensors: list[dict[str, Any]]) -> bytes:
    """The body of an INFER."""
    words = [0, len(segments), len(tensors), 0, *segments]
    for t in tensors:
        codes = (DATATYPES.index(t["datatype"]), CONTENT_TYPES.index(t["content_type"]))
        words += [t["index"], *codes, len(t["data"]), len(t["shape"]), *t["shape"]]
    words += [0] * (len(words) % 2)
    words[0] = 4 * len(words)
    body = struct.pack(f"<{len(words)}I", *words)
    for t in tensors:
        body += bytes(-len(body) % 8) + t["data"]
    return body


def parse_tensor_body(body: bytes) -> dict[str, Any]:
    """The body of a RESULT: segments, tensors by index, errors."""
    header, segments, tensors, block = struct.unpack_from("<4I", body)
    words = struct.unpack_from(f"<{header // 4}I", body)
    at, offset = 4 + segments, header
    found = {}
    for _ in range(tensors):
        index, datatype, _, size, rank = words[at : at + 5]
        shape = list(words[at + 5 : at + 5 + rank])
        found[index] = {"datatype": DATATYPES[datatype], "shape": shape, "data": body[offset : offset + size]}
        at, end = at + 5 + rank, offset + size
        offset = end + -end % 8
    errors = json.loads(body[offset:])["errors"] if block else None
    return {"segments": list(words[4 : 4 + segments]), "tensors": found, "errors": errors}


def read_log(fd: int, until: bytes) -> bytes:
    """What comes from the descriptor, up to and with `until`."""
    text = b""
    while until not in text:
        ready, _, _ = select.select([fd], [], [], TIMEOUT_S)
        chunk = os.read(fd, 65536) if ready else b""
        if not chunk:
            raise EOFError(f"{until!r} is not in {text!r}")
        text += chunk
    return text


class Peer(ABC):
    """What a host says and hears, over whatever leads to the harness."""

    folder: Path

    @abstractmethod
    def send_bytes(self, data: bytes) -> None:
        """Any bytes at all."""

    @abstractmethod
    def _receive_bytes(self, size: int) -> bytes:
        """At most so many; none at the end of the stream."""

    def send(self, name: str, body: Any = None, frame_id: int = 0) -> None:
        """One frame; a body that is no bytes is JSON."""
        raw = body if isinstance(body, bytes) else json.dumps({} if body is None else body).encode()
        self.send_bytes(struct.pack("<IBBHQ", len(raw), TYPES[name], 0, 0, frame_id) + raw)

    def receive(self) -> tuple[str, int, Any]:
        """The next frame: name, id and body. Raises EOFError at the end of the stream."""
        length, code, _, _, frame_id = struct.unpack("<IBBHQ", self._read(16))
        body = self._read(length)
        name = NAMES[code]
        return name, frame_id, parse_tensor_body(body) if name == "RESULT" else json.loads(body)

    def expect(self, wanted: str) -> Any:
        """The body of the next frame, which must be of this type."""
        name, _, body = self.receive()
        if name != wanted:
            raise AssertionError(f"{name} instead of {wanted}: {body}")
        return body

    def load(self, **settings: Any) -> Any:
        """HELLO and INIT; the body of LOADED."""
        self.expect("HELLO")
        self.init(**settings)
        return self.expect("LOADED")

    def init(self, **settings: Any) -> None:
        """INIT with the settings that differ from the usual."""
        usual = {"model": "m", "version": "1", "instance": "m/1#1", "folder": str(self.folder), "entry": None, "per": "batch"}
        self.send("INIT", {**usual, "content_type": None, "libraries": [], "max_frame": 64 * 1024 * 1024, **settings})

    def start(self, inputs: list[Any], outputs: list[Any], **settings: Any) -> str:
        """All up to READY; the convention."""
        self.load(**settings)
        self.send("BIND", {"inputs": inputs, "outputs": outputs})
        return self.expect("READY")["convention"]

    def send_infer(self, segments: list[int], tensors: list[dict[str, Any]], frame_id: int) -> None:
        """One INFER."""
        self.send("INFER", tensor_body(segments, tensors), frame_id)

    def infer(self, segments: list[int], tensors: list[dict[str, Any]], frame_id: int = 1) -> tuple[str, Any]:
        """One INFER and its answer: name and body."""
        self.send_infer(segments, tensors, frame_id)
        name, answered, body = self.receive()
        if answered != frame_id:
            raise AssertionError(f"{name} of {answered} instead of {frame_id}")
        return name, body

    def _read(self, size: int) -> bytes:
        data = b""
        while len(data) < size:
            chunk = self._receive_bytes(size - len(data))
            if not chunk:
                raise EOFError
            data += chunk
        return data


class HarnessProcess(Peer):
    """One harness. Use as a context manager; leaving it kills what still runs."""

    arguments: tuple[str, ...] = ()

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        # What a process that is killed leaves in a folder that others use meets the next one with its id.
        self._tmp = tempfile.mkdtemp()
        host, child = socket.socketpair()
        self._control_host, control = socket.socketpair()
        log_read, log_write = os.pipe()
        self.socket = host
        self.socket.settimeout(TIMEOUT_S)
        self.log_fd = log_read
        self._status: Optional[int] = None
        self.pid = os.fork()
        if self.pid == 0:
            self._exec(child, control, log_write)
        child.close()
        control.close()
        os.close(log_write)

    def _exec(self, transport: socket.socket, control: socket.socket, log: int) -> None:
        try:
            null = os.open(os.devnull, os.O_RDONLY)
            # Above the targets first, so that none is overwritten before it was copied.
            high = [fcntl.fcntl(fd, fcntl.F_DUPFD, 20) for fd in (null, log, log, transport.fileno(), control.fileno())]
            for target, source in enumerate(high):
                os.dup2(source, target)
            os.closerange(5 if self.arguments else 4, 256)
            os.chdir(self.folder)
            own = {"HOME": self._tmp, "TMPDIR": self._tmp}
            environment = {"PATH": os.environ["PATH"], **own, "LANG": "C.UTF-8", "OMP_NUM_THREADS": "1"}
            os.execve(sys.executable, [sys.executable, str(HARNESS), *self.arguments], environment)
        finally:
            os._exit(127)

    def __enter__(self) -> "HarnessProcess":
        return self

    def __exit__(self, *_: object) -> None:
        self.socket.close()
        self._control_host.close()
        if self._status is None:
            os.kill(self.pid, signal.SIGKILL)
            self.exit_status()
        os.close(self.log_fd)
        shutil.rmtree(self._tmp, ignore_errors=True)

    def exit_status(self) -> int:
        """Waits for the end of the process; a negative signal number if one killed it."""
        if self._status is None:
            watch = os.pidfd_open(self.pid)
            ready, _, _ = select.select([watch], [], [], TIMEOUT_S)
            os.close(watch)
            if not ready:
                raise TimeoutError("the harness does not end")
            self._status = os.waitstatus_to_exitcode(os.waitpid(self.pid, 0)[1])
        return self._status

    def send_bytes(self, data: bytes) -> None:
        self.socket.sendall(data)

    def _receive_bytes(self, size: int) -> bytes:
        return self.socket.recv(size)

    def read_log(self, until: bytes) -> bytes:
        """What the process printed, up to and with `until`."""
        return read_log(self.log_fd, until)


class ZygoteProcess(HarnessProcess):
    """A harness that forks; as a peer it is its first fork, over the transport that it was started with."""

    arguments = ("--forks",)

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.control = Control(self._control_host)
        self.first: Optional[Fork] = None
        self._forks: list[Fork] = []

    def __exit__(self, *_: object) -> None:
        super().__exit__()
        for fork in self._forks:
            fork.close()

    def forked(self, frame_id: int) -> "Fork":
        """What the next FORKED tells of, which must be this one."""
        name, answered, body = self.control.receive()
        if (name, answered) != ("FORKED", frame_id):
            raise AssertionError(f"{name} {answered}: {body}")
        ends = {}
        for pipe, fd in body["pipes"].items():
            if fd is not None:
                ends[pipe] = os.open(f"/proc/{self.pid}/fd/{fd}", os.O_WRONLY if pipe == "input" else os.O_RDONLY)
        self._forks.append(Fork(self.folder, body["pid"], ends))
        self.control.send("TAKEN", frame_id=frame_id)
        return self._forks[-1]

    def fork(self) -> "Fork":
        """One more."""
        frame_id = len(self._forks)
        self.control.send("FORK", frame_id=frame_id)
        return self.forked(frame_id)

    def exited(self) -> Any:
        """The body of the next EXITED."""
        return self.control.expect("EXITED")


class Control(Peer):
    """The control channel."""

    def __init__(self, host: socket.socket) -> None:
        self._socket = host
        self._socket.settimeout(TIMEOUT_S)

    def send_bytes(self, data: bytes) -> None:
        self._socket.sendall(data)

    def _receive_bytes(self, size: int) -> bytes:
        return self._socket.recv(size)

    def close(self) -> None:
        """As a host that is gone."""
        self._socket.close()


class Fork(Peer):
    """A later fork, over pipes."""

    def __init__(self, folder: Path, pid: int, ends: dict[str, int]) -> None:
        self.folder = folder
        self.pid = pid
        self._ends = ends

    def send_bytes(self, data: bytes) -> None:
        os.write(self._ends["input"], data)

    def _receive_bytes(self, size: int) -> bytes:
        ready, _, _ = select.select([self._ends["output"]], [], [], TIMEOUT_S)
        if not ready:
            raise TimeoutError("the fork says nothing")
        return os.read(self._ends["output"], size)

    def read_log(self, until: bytes) -> bytes:
        """What it printed to standard output."""
        return read_log(self._ends["stdout"], until)

    def close(self) -> None:
        """As a host that is gone."""
        for fd in self._ends.values():
            os.close(fd)
        self._ends = {}
