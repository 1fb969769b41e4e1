"""Ends the process when the host goes away while the author's code runs and nobody reads the transport."""

import _thread
import os
import select
from collections.abc import Callable


def exit_on_hangup(fd: int, status: Callable[[], int]) -> None:
    """Watches `fd` in a thread of its own that sleeps until the other end is closed, and then exits with `status()`."""
    poll = select.poll()
    poll.register(fd, 0)  # POLLHUP alone: arriving data does not wake it

    def watch() -> None:
        poll.poll()
        os._exit(status())

    # The stack counts against the memory limit; this thread needs next to none.
    default = _thread.stack_size(256 * 1024)
    _thread.start_new_thread(watch, ())
    _thread.stack_size(default)
