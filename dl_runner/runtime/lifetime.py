"""Processes that do not outlive the one that started them. Imports no torch."""

import contextlib
import ctypes
import os
import signal

_PR_SET_PDEATHSIG = 1


def end_with(parent: int) -> None:
    """Have this process killed when the one that started it ends, however that comes; on Linux only.

    Args:
        parent: its process number; this one is killed at once if it has ended already.
    """
    with contextlib.suppress(AttributeError, OSError):
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:
        os.kill(os.getpid(), signal.SIGKILL)
