"""The life of an instance (PROTOCOL.md, section 4): HELLO to READY, then frames until DRAIN or the end of the stream."""

import atexit
import contextlib
import gc
import os
import sys
import traceback
from typing import Any, NoReturn, Optional

from .binder import Bound, bind, preload
from .descriptors import own
from .entry import find_file, find_function, load_module
from .errors import describe, describe_load
from .framing import parse_json
from .hangup import exit_on_hangup
from .hints import Function, artifact_names, input_hints, output_hints, read_function
from .interrupt import Interruptible
from .output_log import flush_log, open_log
from .protocol import (
    BIND,
    BYE,
    CANCEL,
    DEFAULT_MAX_FRAME,
    DRAIN,
    EXIT_VIOLATION,
    FAILED,
    FRAME_NAMES,
    HELLO,
    INFER,
    INIT,
    LOADED,
    PING,
    PONG,
    READY,
    VERSION,
    ProtocolViolation,
    Tensor,
    with_content_type,
)
from .stream import EndOfStream, FrameStream
from .zygote import fork_instances

EXIT_LOAD_FAILED = 1
EXIT_BROKEN = 1


def run(transport_fd: int, control_fd: Optional[int]) -> NoReturn:
    """Serves one model over the descriptor until the host is done with it, then ends the process.

    With a control descriptor the process forks once it has loaded the model, and the forks serve it.
    """
    interruptible = Interruptible()
    interruptible.install()
    open_log()
    if control_fd is not None:
        own(control_fd)
    session = Session(FrameStream(transport_fd, transport_fd), control_fd, interruptible)
    try:
        session.serve()
    except EndOfStream:
        _leave(0)
    except ProtocolViolation as violation:
        session.fail({"kind": "PROTOCOL", "type": None, "message": str(violation), "traceback": []}, EXIT_VIOLATION)
    except SystemExit as request:  # the author's code ends the process; the host sees it
        _leave(_exit_status(request.code))
    except BaseException:
        traceback.print_exc()
        _leave(EXIT_BROKEN)
    _leave(0)


class Session:
    """One instance, from HELLO to BYE."""

    def __init__(self, stream: FrameStream, control_fd: Optional[int], interruptible: Interruptible) -> None:
        self._hangup_status = 0
        self._stream = stream
        self._control_fd = control_fd
        self._interruptible = interruptible
        self._folder = ""
        self._settings: dict[str, Any] = {}

    def serve(self) -> None:
        """Returns after DRAIN. Raises EndOfStream, ProtocolViolation and the author's SystemExit."""
        self._live()
        atexit._run_exitfuncs()  # the author's, before BYE: after it the host may close at once
        flush_log()
        self._stream.send_json(BYE, {})

    def _live(self) -> None:
        """From HELLO to DRAIN, which may come at any time."""
        if not self._greet():
            return
        if self._control_fd is None:
            self._exit_on_hangup()
        function, description = self._load()
        if self._control_fd is not None:
            preload(function, self._per, self._content_type)
            if not self._fork(self._control_fd):
                return
        self._stream.send_json(LOADED, description)
        signature = self._expect(BIND)
        if signature is not None:
            self._answer(self._bind(function, signature))

    def _greet(self) -> bool:
        """HELLO and INIT. False if the host drains instead."""
        version = ".".join(map(str, sys.version_info[:3]))
        hello = {"protocol": VERSION, "language": "python", "language_version": version}
        self._stream.send_json(HELLO, {**hello, "pid": os.getpid(), "features": []})
        init = self._expect(INIT)
        if init is None:
            return False
        self._settings = init
        self._folder = os.path.abspath(str(init.get("folder")))
        self._stream.decoder.max_frame = self._max_frame
        return True

    def _fork(self, control_fd: int) -> bool:
        """Goes on in the forks. False if the host drains one at once."""
        stream = fork_instances(control_fd, self._stream)
        is_new, self._stream = stream is not self._stream, stream
        # Not earlier: a process with a second thread must not be forked. Until here it ends with the sandbox.
        self._exit_on_hangup()
        return not is_new or self._greet()

    def _exit_on_hangup(self) -> None:
        exit_on_hangup(self._stream.input_fd, lambda: self._hangup_status)

    def fail(self, failure: dict[str, Any], status: int) -> NoReturn:
        """Writes FAILED and exits with the status."""
        self._hangup_status = status
        with contextlib.suppress(EndOfStream):
            self._stream.send_json(FAILED, failure)
        _leave(status)

    def _expect(self, wanted: int) -> Optional[dict[str, Any]]:
        """The body of the next frame, which must be of this type; None if the host drains instead."""
        while True:
            frame_type, frame_id, body = self._stream.receive()
            if frame_type == wanted:
                return parse_json(body)
            if not self._control(frame_type, frame_id, body):
                return None

    def _control(self, frame_type: int, frame_id: int, body: bytearray) -> bool:
        """Handles the frames that may come at any time; False if the host drains."""
        if frame_type not in (PING, CANCEL, DRAIN):
            raise ProtocolViolation(f"an unexpected {FRAME_NAMES[frame_type]}")
        parse_json(body)
        if frame_type == PING:
            self._stream.send_json(PONG, {}, frame_id)
        # A CANCEL that is read here came after its answer: SIGINT has stopped the call, or it was done before.
        return frame_type != DRAIN

    def _load(self) -> tuple[Function, dict[str, Any]]:
        """The author's function, and the body of LOADED."""
        try:
            file, symbol = find_file(self._folder, self._settings.get("entry"))
            module = load_module(self._folder, file)
            call, symbol = find_function(module, file, symbol)
            function = read_function(call, symbol)
            artifact = artifact_names(module, function, self._content_type)
        except BaseException as error:
            self.fail(describe_load(error, self._folder), EXIT_LOAD_FAILED)
        flush_log()
        hints = {"inputs": _tensors(input_hints(function)), "outputs": _tensors(output_hints(function))}
        names = None if artifact is None else {"inputs": _tensors(artifact), "outputs": None}
        return function, {"entry": f"{file}:{symbol}", "hints": hints, "artifact": names}

    def _bind(self, function: Function, signature: dict[str, Any]) -> Bound:
        per, content_type = self._per, self._content_type
        inputs = [with_content_type(spec, content_type) for spec in _signature(signature, "inputs")]
        outputs = _signature(signature, "outputs")
        try:
            bound = bind(function, inputs, outputs, per, content_type, self._max_frame, self._interruptible, self._folder)
        except Exception as error:
            self.fail(describe(error, self._folder, "SIGNATURE"), EXIT_LOAD_FAILED)
        self._interruptible.install()
        # What the model loaded stays: the collector need not walk it again during calls.
        gc.collect()
        gc.freeze()
        self._stream.send_json(READY, {"convention": bound.convention})
        return bound

    def _answer(self, bound: Bound) -> None:
        receive, send, answer = self._stream.receive, self._stream.send, bound.answer
        while True:
            frame_type, frame_id, body = receive()
            if frame_type == INFER:
                if frame_id == 0:
                    raise ProtocolViolation("an INFER without an id")
                send(answer(frame_id, body))
                flush_log()
            elif not self._control(frame_type, frame_id, body):
                return

    @property
    def _per(self) -> str:
        return str(self._settings.get("per"))

    @property
    def _content_type(self) -> Optional[str]:
        return self._settings.get("content_type")

    @property
    def _max_frame(self) -> int:
        limit = self._settings.get("max_frame")
        return limit if isinstance(limit, int) and limit > 0 else DEFAULT_MAX_FRAME


def _tensors(tensors: Optional[list[Tensor]]) -> Optional[list[dict[str, Any]]]:
    return None if tensors is None else [tensor.to_json() for tensor in tensors]


def _signature(bind_body: dict[str, Any], side: str) -> list[Tensor]:
    tensors = bind_body.get(side)
    if not isinstance(tensors, list):
        raise ProtocolViolation(f"a BIND without {side}")
    return [Tensor.from_json(tensor) for tensor in tensors]


def _exit_status(code: object) -> int:
    """What sys.exit means by its argument."""
    if code is None:
        return 0
    if isinstance(code, int):
        return code & 0xFF
    print(code, file=sys.stderr)
    return 1


def _leave(status: int) -> NoReturn:
    """Ends the process at once: threads that the author left running do not keep it."""
    flush_log()
    os._exit(status)
