"""Stopping a run on request: the first signal asks, the second insists."""

import os
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from types import FrameType

NOTICE = "stopping after this step with a checkpoint; once more to stop at once"


@dataclass
class StopRequest:
    """Whether a stop was asked for, and by which signal; the loop looks at it between two steps."""

    signal_number: int | None = None

    def __bool__(self) -> bool:
        return self.signal_number is not None


@contextmanager
def stop_on_signals(notice: str | None = NOTICE) -> Iterator[StopRequest]:
    """Within the context the first SIGINT (Ctrl-C) or SIGTERM sets the request; a second one raises KeyboardInterrupt.

    Outside the main thread, where Python delivers no signals, the request is never set.

    Args:
        notice: a line for standard error when the first one arrives.
    """
    request = StopRequest()
    if threading.current_thread() is not threading.main_thread():
        yield request
        return

    def handle(number: int, frame: FrameType | None) -> None:
        if request:
            raise KeyboardInterrupt
        request.signal_number = number
        if notice:  # a plain write: a signal may arrive in the middle of a print, which cannot be entered twice
            os.write(2, f"\n{notice}\n".encode())

    previous = {number: signal.signal(number, handle) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield request
    finally:
        for number, handler in previous.items():
            signal.signal(number, handler)
