"""What the harness reports when something fails (PROTOCOL.md, section 6): kinds, and the author's view of an exception."""

import os
import traceback
from typing import Any, Optional

MAX_MESSAGE = 16 * 1024
MAX_TRACEBACK = 40


class Failure(Exception):
    """A failure that the harness itself found; `kind` is the protocol's word for it."""

    kind = "MODEL_ERROR"


class InvalidTensor(Failure):
    """An input or output that is wrong; `row` is the row to blame where there is one."""

    direction = ""

    def __init__(self, name: str, reason: str, row: Optional[int] = None) -> None:
        self.name, self.reason, self.row = name, reason, row
        place = "" if row is None else f", row {row}"
        super().__init__(f"{self.direction} {name!r}{place}: {reason}")

    def without_row(self) -> "InvalidTensor":
        """The same for a reader who sees only this row."""
        return type(self)(self.name, self.reason)


class InvalidInput(InvalidTensor):
    """A value that the signature admits but the model cannot take."""

    kind = "INVALID_INPUT"
    direction = "input"


class InvalidOutput(InvalidTensor):
    """What the model returned does not fit the signature."""

    kind = "INVALID_OUTPUT"
    direction = "output"


class ResultTooLarge(Failure):
    """The answer would exceed max_frame."""

    kind = "RESULT_TOO_LARGE"


class EntryNotFound(Failure):
    """No file or symbol of the entry's name."""

    kind = "ENTRY_NOT_FOUND"


class Cancelled(Failure):
    """The host asked the call to stop, and it did."""

    kind = "CANCELLED"


class MissingPackage(Failure):
    """A package that the call needs is not in the model's environment."""

    kind = "MISSING_PACKAGE"


class SignatureMismatch(Failure):
    """The function cannot be called with the signature."""

    kind = "SIGNATURE"


def describe(error: BaseException, folder: str, otherwise: str = "MODEL_ERROR") -> dict[str, Any]:
    """kind, type, message and traceback of an exception; `otherwise` is the kind of an exception of the author's own."""
    if isinstance(error, Failure):
        return {"kind": error.kind, "type": None, "message": _message(error), "traceback": []}
    kind = "OUT_OF_MEMORY" if isinstance(error, MemoryError) else otherwise
    return {"kind": kind, "type": type(error).__name__, "message": _message(error), "traceback": author_lines(error, folder)}


def describe_load(error: BaseException, folder: str) -> dict[str, Any]:
    """The same for an exception of the model's top-level code."""
    if isinstance(error, SystemExit):
        text = f"the model called exit({error.code!r}) while it was loaded"
        return {"kind": "LOAD_FAILED", "type": "SystemExit", "message": text, "traceback": author_lines(error, folder)}
    described = describe(error, folder, "LOAD_FAILED")
    if isinstance(error, ImportError) and error.name:
        package = error.name.partition(".")[0]
        described["kind"] = "MISSING_PACKAGE"
        if package not in described["message"]:
            described["message"] = f"{package}: {described['message']}"
    return described


def author_lines(error: BaseException, folder: str) -> list[str]:
    """`file:line in function` for each frame of a file in the model's folder, innermost last."""
    lines = []
    for frame, line in traceback.walk_tb(error.__traceback__):
        path = _relative(frame.f_code.co_filename, folder)
        if path is not None:
            lines.append(f"{path}:{line} in {frame.f_code.co_name}")
    # A file that does not parse never had a frame of its own.
    if isinstance(error, SyntaxError) and error.filename is not None:
        path = _relative(error.filename, folder)
        if path is not None:
            lines.append(f"{path}:{error.lineno} in <module>")
    return lines[-MAX_TRACEBACK:]


def _relative(filename: str, folder: str) -> Optional[str]:
    if filename.startswith("<"):  # Python's own, or code without a file
        return None
    path = os.path.abspath(filename)
    prefix = folder.rstrip(os.sep) + os.sep
    return path[len(prefix) :] if path.startswith(prefix) else None


def _message(error: BaseException) -> str:
    try:
        return str(error)[:MAX_MESSAGE]
    except Exception:  # the author's __str__ may raise
        return f"{type(error).__name__} (its text cannot be shown)"
