"""Progress of what takes long beside the training: nothing for two seconds, then a bar, or lines elsewhere than on a
terminal. Imports no torch.

The layers that do the work call `advancing` or `tracked`; whoever owns the terminal says with `showing` whether and how
it is seen. All goes to standard error.
"""

import os
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from typing import Any, Literal, TypeVar

from dl_runner.runtime.cores import allowed_cores

Mode = Literal["auto", "rich", "plain", "none"]
PATIENCE = 2.0  # seconds before anything is shown
LINE_EVERY = 10.0  # seconds between lines
THREADS = 8

T = TypeVar("T")
_now = time.monotonic
_mode: ContextVar[Mode] = ContextVar("progress", default="none")


@contextmanager
def showing(mode: Mode) -> Iterator[None]:
    """Within it progress is shown as the config's `tracker.console` says; outside it is not."""
    token = _mode.set(os.environ.get("DLRUN_CONSOLE", mode))
    try:
        yield
    finally:
        _mode.reset(token)


@contextmanager
def advancing(
    title: str, total: float | None, unit: str = "", scale: float = 1, *, at_once: bool = False
) -> Iterator[Callable[[float], None]]:
    """Within it, the function that it gives is told how much more of `total` is done.

    Args:
        title: what is being done, such as "decoding pictures".
        total: None if that is not known.
        unit: of total / scale, such as MB for bytes and a scale of 1e6.
        at_once: show it before there is any progress, as of what may wait for somebody else.
    """
    mode = _mode.get()
    if mode == "auto":
        mode = "rich" if sys.stderr.isatty() else "plain"
    shown = {"rich": _Bar, "plain": _Lines}.get(mode)
    if shown is None:
        yield lambda amount: None
        return
    progress = shown(title, total, unit, scale)
    try:
        if at_once:
            progress.show(0)
        yield progress.advance
    finally:
        progress.close()


def tracked(items: Iterable[T], title: str, total: int | None = None) -> Iterator[T]:
    """The items, one after the other, with their progress shown."""
    total = len(items) if total is None and isinstance(items, Sequence) else total
    with advancing(title, total) as advance:
        for item in items:
            yield item
            advance(1)


def in_threads(work: Callable[[T], Any], items: Sequence[T], title: str) -> list[Any]:
    """What `work` makes of each item, in their order, by as many threads as there are cores, with progress shown.

    Raises:
        Exception: what the first item raised that raised anything; what has not begun by then is left undone.
    """
    with ThreadPoolExecutor(min(THREADS, allowed_cores())) as pool:
        try:
            return list(tracked(pool.map(work, items), title, len(items)))
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            raise


class _Progress:
    def __init__(self, title: str, total: float | None, unit: str, scale: float) -> None:
        self._title, self._total, self._unit, self._scale = title, total, unit, scale
        self._began = _now()
        self._done, self._next = 0.0, self._began + PATIENCE

    def advance(self, amount: float) -> None:
        self._done += amount
        if (now := _now()) >= self._next:
            self._next = now + self.show(now - self._began)

    def show(self, seconds: float) -> float:
        """Shows where it stands after so many seconds, and returns those until it wants to again."""
        raise NotImplementedError

    def close(self) -> None:
        raise NotImplementedError

    def _amount(self) -> str:
        of = "" if self._total is None else f" of {self._number(self._total)}"
        return f"{self._number(self._done)}{of}{self._unit and ' '}{self._unit}"

    def _number(self, value: float) -> str:
        return f"{value / self._scale:,.{0 if self._scale == 1 else 1}f}"


class _Lines(_Progress):
    """A line every ten seconds, and one at the end if there was any."""

    _shown = False

    def show(self, seconds: float) -> float:
        left = f", {seconds * (self._total / self._done - 1):.0f} s left" if self._total and self._done else ""
        self._say(f"{self._title}: {self._amount()}{left}")
        self._shown = True
        return LINE_EVERY

    def close(self) -> None:
        if self._shown:
            self._say(f"{self._title}: {self._amount()} in {_now() - self._began:.1f} s")

    def _say(self, text: str) -> None:
        with suppress(OSError, ValueError):  # nobody reads any more
            print(text, file=sys.stderr, flush=True)


class _Bar(_Progress):
    """A bar that goes away at the end."""

    _bar = None

    def show(self, seconds: float) -> float:
        from rich.console import Console
        from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

        if self._bar is None:
            columns = (TextColumn("{task.description}", markup=False), BarColumn(bar_width=None))
            columns += (TextColumn("{task.fields[amount]}", markup=False), TimeRemainingColumn(compact=True))
            console = Console(stderr=True, force_terminal=True, markup=False, emoji=False)
            self._bar = Progress(*columns, console=console, transient=True, expand=True)
            self._task = self._bar.add_task(self._title, total=self._total, amount="")
            self._bar.start()
        self._bar.update(self._task, completed=self._done, amount=self._amount())
        return 0.1

    def close(self) -> None:
        if self._bar is not None:
            self._bar.stop()
