"""Descriptors that are this process's alone: whatever it starts or forks does not hold them open."""

import os

_own: set[int] = set()


def own(*fds: int) -> None:
    """From now on these are closed in every process that this one starts or forks."""
    for fd in fds:
        os.set_inheritable(fd, False)
    _own.update(fds)


def leave_to_fork(fd: int) -> None:
    """The next fork keeps this one."""
    _own.discard(fd)


def close(*fds: int) -> None:
    """Closes them here."""
    for fd in fds:
        _own.discard(fd)
        os.close(fd)


def _close_in_fork() -> None:
    close(*list(_own))


os.register_at_fork(after_in_child=_close_in_fork)
