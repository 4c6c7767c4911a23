"""Jobs side by side on the terminal: a table of those that run, and a line for each that is done. Imports no torch."""

import sys
import time
from collections.abc import Callable, Sequence

from hydra.core.utils import JobReturn, JobStatus
from rich import box
from rich.console import Group
from rich.live import Live
from rich.table import Table
from rich.text import Text

from dl_runner.launch.running_job import RunningJob
from dl_runner.sweep.job import Outcome
from dl_runner.sweep.summary import COLORS
from dl_runner.tracking.console import Terminal
from dl_runner.tracking.text import duration, number, words

REFRESH_INTERVAL = 0.5  # seconds
METRICS = ("train/loss", "validation/loss", "validation/accuracy")


class JobTable:
    """Lines on `terminal`, and below them, if possible, a live table of the running jobs.

    Args:
        terminal: None to show nothing.
        live: whether it is a terminal that can be drawn on.
        waiting: how many jobs have not started yet; None where nobody knows.
    """

    def __init__(self, terminal: Terminal | None, live: bool, waiting: Callable[[], int | None]) -> None:
        self._terminal, self._waiting = terminal, waiting
        # What others print goes above the table, but not what goes to a file.
        options = {"auto_refresh": False, "transient": True, "redirect_stderr": sys.stderr.isatty()}
        self._live = Live(console=terminal, **options) if live else None
        self._counts: dict[str, int] = {}
        self._next_refresh = 0.0
        self.stopping = False

    def __enter__(self) -> "JobTable":
        if self._live is not None:
            self._live.start()
        return self

    def __exit__(self, *error: object) -> None:
        if self._live is not None:
            self._live.stop()

    def started(self, job: RunningJob) -> None:
        if self._live is None:
            self._print(Text(f"{job.name}  started"))

    def ended(self, job: RunningJob, done: JobReturn) -> None:
        """A line about a job that is done."""
        status, details = _described(done)
        self._counts[status] = self._counts.get(status, 0) + 1
        line = Text.assemble(f"{job.name}  ", (status, COLORS.get(status, "")))
        line.append(f" after {duration(time.monotonic() - job.began)}{details}")
        self._print(line)

    def refresh(self, running: Sequence[RunningJob]) -> None:
        """Draw the running jobs anew, twice a second at most."""
        if self._live is None or time.monotonic() < self._next_refresh:
            return
        self._next_refresh = time.monotonic() + REFRESH_INTERVAL
        self._live.update(Group(_table(running), self._summary(len(running))), refresh=True)

    def _summary(self, running: int) -> Text:
        counts = [("running", running, "cyan")]
        if (waiting := self._waiting()) is not None:
            counts.insert(0, ("waiting", waiting, ""))
        counts += [(name, count, COLORS.get(name, "")) for name, count in self._counts.items() if count]
        line = Text("  ").join(Text(f"{count} {name}", color) for name, count, color in counts)
        if self.stopping:
            line.append("   stopping with checkpoints; once more to stop at once", "yellow")
        return line

    def _print(self, line: Text) -> None:
        if self._terminal is not None:
            self._terminal.print(line, soft_wrap=True)
            self._terminal.file.flush()


def _described(done: JobReturn) -> tuple[str, str]:
    """The status of a job, and the rest of its line; the error of an `Outcome` is printed by the sweep."""
    if done.status == JobStatus.FAILED:
        return "failed", f": {done._return_value}"
    value = done.return_value
    if not isinstance(value, Outcome):
        return "completed", ""
    metrics = words(value.objective)
    return value.status, f"  {metrics}" if metrics and value.status == "completed" else ""


def _table(jobs: Sequence[RunningJob]) -> Table:
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, show_edge=False)
    table.add_column("running", overflow="fold")
    found = [job.progress() for job in jobs]
    metrics = [name for name in METRICS if any(name in newest for _, newest in found)]
    for heading in ["", *(name.replace("/", " ") for name in metrics), "time"]:
        table.add_column(heading, no_wrap=True, justify="right")
    for job, (progress, newest) in zip(jobs, found, strict=True):
        values = [number(name, newest[name]) if name in newest else "" for name in metrics]
        table.add_row(Text(job.name), progress or "starting", *values, duration(time.monotonic() - job.began))
    return table
