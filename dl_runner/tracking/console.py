"""What a person sees of a run: a header, a progress bar on a terminal, a line per milestone, the final metrics.

The same lines go to log.txt as plain text.
"""

import io
import math
import os
import sys
import time
from collections.abc import Callable
from typing import Any, Literal, TextIO

from rich.console import Console as RichConsole
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn
from rich.text import Text

from dl_runner.tracking.log_file import LogFile
from dl_runner.tracking.run_folder import LOG
from dl_runner.tracking.text import by_split, duration, number, table, words
from dl_runner.tracking.tracker import Metrics, RunInfo, Status, Tracker

COLORS: dict[Status, str] = {
    **{"completed": "green", "interrupted": "yellow", "pruned": "yellow", "failed": "red", "running": "cyan"}
}
READ_EVERY = 0.5  # seconds; reading the running means waits for the device


class Terminal(RichConsole):
    """A rich console that shows texts as they are: what stands in brackets or between colons is no markup. Its reader
    may go away, as in `dlrun | head`: it falls silent, and the run goes on."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**{"markup": False, "emoji": False, **options})

    def on_broken_pipe(self) -> None:
        self.quiet = True
        # What is still buffered would fail again when the interpreter flushes it at its end.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


Mode = Literal["auto", "rich", "plain", "none"]


def console(mode: Mode = "auto") -> "Console":
    """The console for standard output: rich with a bar, plain lines, or log.txt only; auto is rich on a terminal."""
    return Console(*terminal(mode))


def terminal(mode: Mode) -> tuple[Terminal | None, bool]:
    """Standard output, None where nothing is to be shown, and whether it can be drawn on.

    Where nobody looks at a process's standard output, whoever started it has set DLRUN_CONSOLE=none.
    """
    mode = os.environ.get("DLRUN_CONSOLE", mode)
    if mode == "auto":
        mode = "rich" if sys.stdout.isatty() else "plain"
    if mode == "rich":
        return Terminal(highlight=False, force_terminal=True), True
    return _plain(sys.stdout) if mode == "plain" else None, False


def _plain(file: TextIO) -> Terminal:
    """Text without a single control code, in lines as long as they come."""
    return Terminal(file=file, force_terminal=False, no_color=True, highlight=False, width=10_000, legacy_windows=False)


class Console(Tracker):
    """The header, milestones and outcome of a run as lines, on `terminal` and in log.txt, and a bar between them.

    Args:
        terminal: where to show them; None for log.txt alone.
        bar: whether the terminal can draw a progress bar.
    """

    def __init__(self, terminal: Terminal | None, bar: bool) -> None:
        self._terminal = terminal
        self._with_bar = bar
        self._bar: Progress | None = None
        self._log: LogFile | None = None
        self._next_read = 0.0
        self._heading = ""

    def start(self, run: RunInfo) -> None:
        self._run, self._step = run, run.first_step
        self._epochs = max(1, math.ceil(run.steps / run.steps_per_epoch))
        self._began = self._lap = time.perf_counter()
        self._read_at = (self._began, run.first_step)
        self._log = LogFile(run.folder / LOG, self._warn)
        width = max(map(len, run.header), default=0) + 2
        for label, text in run.header.items():
            self._say(Text.assemble((f"{label:<{width}}", "bold cyan"), text))
        if run.first_step:
            self._say(Text(f"resumed at step {run.first_step:,} of {run.steps:,}", "yellow"))
        self._say(Text())
        if self._with_bar:
            self._bar = _bar(self._terminal)
            fields = {"epoch": self._epoch(run.first_step), "metrics": ""}
            self._task = self._bar.add_task("", total=run.steps, completed=run.first_step, **fields)
            self._bar.start()

    def progress(self, step: int, read: Callable[[], Metrics]) -> None:
        self._step = step
        if self._bar is None or time.perf_counter() < self._next_read:
            return
        means = words(by_split(read()).get("train", {}), self._run.fractions)
        (then, before), self._read_at = self._read_at, (time.perf_counter(), step)
        # Right after a reading the device has caught up, so this is the speed of the work, not of queueing it.
        steps_per_second = (step - before) / max(self._read_at[0] - then, 1e-9)
        speed = steps_per_second * self._run.config.get("data", {}).get("batch_size", 1)
        text = f"{means}  {speed:,.0f} examples/s"
        self._bar.update(self._task, completed=step, epoch=self._epoch(step), metrics=text)
        self._next_read = time.perf_counter() + READ_EVERY

    def _epoch(self, step: int) -> str:
        now = max(1, math.ceil(step / self._run.steps_per_epoch))
        return f"{now:>{len(str(self._epochs))}}/{self._epochs}"

    def log(self, step: int, epoch: float, metrics: Metrics, *, milestone: bool) -> None:
        self._step = step
        if self._bar is not None:
            self._bar.update(self._task, completed=step, epoch=self._epoch(step))
        wanted = self._wanted(metrics)
        splits = by_split({name: wanted[name] for name in wanted if name.partition("/")[2] not in self._run.details})
        if not milestone or not splits:
            return
        within = step % self._run.steps_per_epoch
        cells = [("epoch", f"{epoch:.2f}/{self._epochs}" if within else self._epoch(step))]
        for split, values in splits.items():
            names = [f"{split} {name}" if position == 0 else name for position, name in enumerate(values)]
            cells += [
                (heading, number(*item, self._run.fractions))
                for heading, item in zip(names, values.items(), strict=True)
            ]
        now = time.perf_counter()
        cells.append(("time", duration(now - self._lap)))
        self._lap = now
        self._read_at = (now, step)  # the evaluation is no part of the training speed
        cells = self._fitting(cells)
        widths = [max(len(heading), 8) for heading, _ in cells]
        heading, line = (
            "  ".join(f"{t:>{w}}" for t, w in zip(row, widths, strict=True)) for row in zip(*cells, strict=True)
        )
        if heading != self._heading:
            self._say(Text(heading, "dim"))
            self._heading = heading
        self._say(Text(line))

    def _fitting(self, cells: list[tuple[str, str]]) -> list[tuple[str, str]]:
        """The cells of a line as far as there is room for them on the terminal, and … for those that there is none for;
        the first and the last one stay. The end of the run shows all."""

        def width(some: list[tuple[str, str]]) -> int:
            return sum(max(len(heading), 8) + 2 for heading, _ in some)

        room = self._terminal.width if self._terminal is not None and self._with_bar else 10_000
        kept, most = list(cells), len(cells)
        while len(kept) > 2 and width(kept) > room:
            most -= 1
            kept = [*cells[: most - 1], ("…", "…"), cells[-1]]
            if most <= 2:
                break
        return kept

    def _wanted(self, metrics: Metrics) -> Metrics:
        """Only the run's results, without the likes of the gradient norm."""
        names = self._run.metric_names or tuple(metrics)
        return {name: metrics[name] for name in names if name in metrics}

    def text(self, name: str, text: str, step: int) -> None:
        self._say(Text.assemble((f"{name}: ", "dim"), text))

    def finish(self, status: Status, metrics: Metrics) -> None:
        if self._log is None:
            return
        if self._bar is not None:
            self._bar.stop()
        self._say(Text())
        if final := self._wanted(metrics):
            grid = table(final, self._run.fractions)
            self._show(grid)
            self._log.write(_render(grid))
            self._say(Text())
        where = "" if status == "completed" else f" at step {self._step:,} of {self._run.steps:,}"
        spent = duration(time.perf_counter() - self._began)
        self._say(Text.assemble((f"{status}{where}", f"bold {COLORS[status]}"), f" after {spent}: {self._run.folder}"))
        self._log.close()

    def _say(self, line: Text) -> None:
        self._show(line)
        self._log.write(line.plain)

    def _warn(self, text: str, warning: bool) -> None:
        self._show(Text(text, "yellow" if warning else ""))

    def _show(self, what: object) -> None:
        if self._terminal is not None:
            self._terminal.print(what, soft_wrap=isinstance(what, Text))
            try:
                self._terminal.file.flush()
            except BrokenPipeError:
                self._terminal.on_broken_pipe()


def _bar(terminal: Terminal) -> Progress:
    return Progress(
        TextColumn("epoch {task.fields[epoch]}", markup=False),
        BarColumn(bar_width=None),
        TextColumn("{task.fields[metrics]}", markup=False),
        TimeRemainingColumn(compact=True),
        TextColumn("left"),
        console=terminal,
        transient=True,
        expand=True,
        refresh_per_second=4,
    )


def _render(what: object) -> str:
    page = io.StringIO()
    _plain(page).print(what)
    return "\n".join(line.rstrip() for line in page.getvalue().rstrip("\n").split("\n"))
