"""Ends a process when the one that started it dies, even by a signal that nobody can catch."""

import ctypes
import os
import signal
import sys

_PR_SET_PDEATHSIG = 1


def end_with(parent: int) -> None:
    """Have SIGTERM sent to this process when ``parent`` dies, so that what it does is finished.

    Linux only; elsewhere nothing happens. To be called in the main thread, at the very start.
    """
    if not sys.platform.startswith("linux"):
        return
    ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)
    # The parent may have died before the kernel was asked.
    if os.getppid() != parent:
        os.kill(os.getpid(), signal.SIGTERM)
