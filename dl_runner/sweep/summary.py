"""What a sweep prints at its end. Imports no torch."""

import shlex
import textwrap
from collections.abc import Sequence
from pathlib import Path

from rich import box
from rich.table import Table
from rich.text import Text

from dl_runner.sweep.folder import Entry
from dl_runner.sweep.job import Outcome
from dl_runner.tracking.console import Terminal
from dl_runner.tracking.text import duration, number

LABELS = {"earlier": "completed earlier", "elsewhere": "running in another process"}
COLORS = {
    **{"completed": "green", "earlier": "green", "failed": "red", "interrupted": "yellow", "elsewhere": "cyan"},
    **{"pruned": "yellow"},
}


def show(folder: Path, jobs: Sequence[tuple[Entry, Outcome]], best: str | None = None) -> None:
    """Prints a table of the jobs: status, metric that chose the weights, time; then `best`."""
    metrics = list(dict.fromkeys(name for _, outcome in jobs for name in outcome.objective))
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, show_edge=False)
    table.add_column("job", overflow="fold")
    table.add_column("status", no_wrap=True)
    for name in [*metrics, "time"]:
        table.add_column(name, justify="right", no_wrap=True)
    for entry, outcome in jobs:
        status = Text(LABELS.get(outcome.status, outcome.status), COLORS.get(outcome.status, ""))
        values = [number(name, outcome.objective[name]) if name in outcome.objective else "" for name in metrics]
        time = "" if outcome.seconds is None else duration(outcome.seconds)
        table.add_row(Text(entry.folder), status, *values, time)
    console = Terminal(highlight=False)
    if not console.is_terminal:
        console.width = 10_000  # in a file, a row is a line
    console.print()
    console.print(table)
    if best:
        console.print(best, soft_wrap=True)
    command = shlex.join(["dlrun", "compare", str(folder)])
    console.print(f"the sweep is in {folder}; {command}", soft_wrap=True)


def refusal(failed: Sequence[tuple[str, Outcome]], jobs: int) -> str:
    """Why a sweep of so many jobs does not begin: each different mistake once, with the jobs that have it."""
    found: dict[str, list[tuple[str, Outcome]]] = {}
    for name, outcome in failed:
        found.setdefault(outcome.error or "", []).append((name, outcome))
    lines = []
    for error, having in found.items():
        (name, outcome), more = having[0], f" and {len(having) - 1} more" if len(having) > 1 else ""
        lines.append(error if len(having) == jobs else f"job {name}{more}: {error}")
        if outcome.traceback_text:
            lines += [f"  {line}" for line in outcome.traceback_text.rstrip().splitlines()]
    if len(failed) == jobs and len(found) == 1:
        return "\n".join(lines)
    rest = "" if len(failed) == jobs else "; sweep.check=false runs the others"
    if len(lines) == 1:
        return f"{lines[0]}; no job was started{rest}"
    return "\n  ".join([f"{len(failed)} of {jobs} jobs cannot run, and none was started{rest}:", *lines])


def failures(failed: Sequence[tuple[str, Outcome]], jobs: int) -> str:
    """A line for each failed one of so many jobs, and each different traceback once, under the first that has it."""
    lines, printed = [f"{len(failed)} of {jobs} jobs failed:"], set()
    for name, outcome in failed:
        lines.append(f"  {name}: {outcome.error}")
        if outcome.traceback_text and outcome.traceback_text not in printed:
            printed.add(outcome.traceback_text)
            lines.append(textwrap.indent(outcome.traceback_text.rstrip(), "    "))
    return "\n".join(lines)
