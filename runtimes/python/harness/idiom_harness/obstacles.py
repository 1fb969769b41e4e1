"""Why a process that has loaded the model must not be forked: its forks would lack something, or take it from each other."""

import contextlib
import gc
import os
from collections.abc import Iterator
from typing import Optional

# Open in many processes, and without a position or anything else that they could take from each other.
STATELESS = {"/dev/null", "/dev/zero", "/dev/full", "/dev/random", "/dev/urandom"}


def find_obstacle(own_fds: set[int]) -> Optional[str]:
    """None when nothing is in the way. `own_fds`: those that the harness keeps open."""
    gc.collect()  # what nobody holds any more is closed and gone
    tasks = os.listdir("/proc/self/task")
    if len(tasks) > 1:
        return "the model runs threads of its own once it is loaded"
    with open(f"/proc/self/task/{tasks[0]}/children", encoding="ascii") as children:
        if children.read().strip():
            return "the model runs processes of its own once it is loaded"
    for name in _open_files(own_fds):
        return f"the model keeps {name} open once it is loaded"
    try:
        os.close(os.pidfd_open(os.getpid()))
    except OSError as error:
        return f"the kernel does not tell of the end of a process: {error}"
    return None


def _open_files(own_fds: set[int]) -> Iterator[str]:
    """What is open beside the harness's own: forks share the position in a file, and what comes over a connection."""
    for fd in os.listdir("/proc/self/fd"):
        if int(fd) in own_fds:
            continue
        with contextlib.suppress(FileNotFoundError):  # the list itself
            name = os.readlink(f"/proc/self/fd/{fd}")
            if name not in STATELESS:
                yield name
