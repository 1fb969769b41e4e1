"""Soft cancel: the host's SIGINT stops a running call, and nothing else (PROTOCOL.md, section 4)."""

import signal
from collections.abc import Callable
from types import FrameType
from typing import Any, Optional


class Interruptible:
    """Runs the author's code so that SIGINT raises KeyboardInterrupt in it once."""

    def __init__(self) -> None:
        self._running = False
        self.interrupted = False

    def install(self) -> None:
        """Takes SIGINT over; called again after loading, in case that the model's code took it."""
        signal.signal(signal.SIGINT, self._on_signal)

    def call(self, function: Callable[[Any], Any], values: Any) -> Any:
        """`function(values)`; `interrupted` tells afterwards whether the host asked it to stop."""
        self.interrupted = False
        self._running = True
        try:
            return function(values)
        finally:
            self._running = False

    def _on_signal(self, _signal: int, _frame: Optional[FrameType]) -> None:
        if self._running:
            # Once only: a second one could strike while the first is being reported.
            self._running = False
            self.interrupted = True
            raise KeyboardInterrupt
