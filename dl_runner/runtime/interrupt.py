"""Stopping a run on request: the first signal asks, the second insists."""

import os
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import FrameType

# Ctrl-C; what `kill`, `timeout` and schedulers send at the end; what a scheduler can be asked to send before that.
STOP_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGUSR1)
MESSAGES = "DLRUN_MESSAGES"  # environment: a folder for what a group of processes and the one that started them say
STOP = "stop"  # their file STOP-0 holds the number of the signal that asked to stop
NOTICE = "stopping after this step with a checkpoint; once more to stop at once"


@dataclass
class StopRequest:
    """Whether a stop was asked for, and by which signal; the loop looks at it between two steps."""

    signal_number: int | None = None

    def __bool__(self) -> bool:
        return self.signal_number is not None


@dataclass
class PassedOn(StopRequest):
    """A request that another process writes to a file."""

    path: Path = Path()

    def __bool__(self) -> bool:
        if self.signal_number is None and self.path.exists():
            self.signal_number = int(self.path.read_text(encoding="utf-8"))
        return self.signal_number is not None


@contextmanager
def stop_on_signals(notice: str | None = NOTICE, pass_on: Callable[[int], None] | None = None) -> Iterator[StopRequest]:
    """Within the context the first of `STOP_SIGNALS` sets the request; a second one raises KeyboardInterrupt.

    In a process of a group, the request is what the process that started it passes on. Outside the main thread, where
    Python delivers no signals, the request is never set.

    Args:
        notice: a line for standard error when the first one arrives.
        pass_on: told the number of the first signal.
    """
    if (meeting := os.environ.get(MESSAGES)) and pass_on is None:
        yield PassedOn(path=Path(meeting) / f"{STOP}-0")
        return
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
        if pass_on is not None:
            pass_on(number)

    previous = {number: signal.signal(number, handle) for number in STOP_SIGNALS}
    try:
        yield request
    finally:
        for number, handler in previous.items():
            signal.signal(number, handler)
