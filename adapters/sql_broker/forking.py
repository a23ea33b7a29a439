"""What a forked child may touch: nothing that its parent had open.

The broker's background threads do their database work inside :func:`not_while_forking`. A fork
waits for them, so that no child starts with a lock of the driver or of SQLite held for ever.
"""

import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager

#: A fork goes ahead after this time: a database that hangs must not stop a pool from growing.
_PATIENCE_S = 1.0

#: Connections that a child inherited. Closing or collecting them there would end the session of
#: the parent, or release the parent's file locks, so they are kept until the child ends.
_inherited: list[object] = []


class _Fence:
    """Counts the threads at work; holding ``changed`` keeps new ones from beginning."""

    def __init__(self) -> None:
        self.changed = threading.Condition()
        self.working = 0


_fence = _Fence()


@contextmanager
def not_while_forking() -> Iterator[None]:
    fence = _fence
    with fence.changed:
        fence.working += 1
    try:
        yield
    finally:
        with fence.changed:
            fence.working -= 1
            fence.changed.notify_all()


def keep_open(connection: object) -> None:
    """Never let a connection that belongs to the parent process be closed by this one."""
    _inherited.append(connection)


def _before_fork() -> None:
    _fence.changed.acquire()
    _fence.changed.wait_for(lambda: _fence.working == 0, timeout=_PATIENCE_S)


def _after_fork_in_parent() -> None:
    _fence.changed.release()


def _after_fork_in_child() -> None:
    global _fence
    _fence = _Fence()


os.register_at_fork(
    before=_before_fork,
    after_in_parent=_after_fork_in_parent,
    after_in_child=_after_fork_in_child,
)
