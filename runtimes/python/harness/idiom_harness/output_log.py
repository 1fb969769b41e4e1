"""The author's standard output: line by line into the log, whatever its bytes are."""

import sys


def open_log() -> None:
    """Lines leave when they end, not when a buffer is full; text that is no UTF-8 cannot make `print` raise."""
    sys.stdout.reconfigure(encoding="utf-8", errors="backslashreplace", line_buffering=True)  # type: ignore[union-attr]
    sys.stderr.reconfigure(encoding="utf-8", errors="backslashreplace")  # type: ignore[union-attr]


def flush_log() -> None:
    """Sends what a line without an end, or the author's own buffer, still holds."""
    for stream in (sys.stdout, sys.stderr):
        try:  # noqa: SIM105  on the path of every call, where contextlib.suppress would cost more than the flush
            stream.flush()
        except (OSError, ValueError, AttributeError):  # closed or replaced by the author
            pass
