"""metrics.jsonl: every number a run measured, one JSON object a line. Imports no torch."""

import json
import time
from pathlib import Path
from typing import Any, TextIO

from dl_runner.errors import UserError
from dl_runner.runtime.files import to_json, write_atomic
from dl_runner.tracking.tracker import Metrics, RunInfo, Status, Tracker

METRICS = "metrics.jsonl"


def read_metrics(path: Path) -> list[dict[str, Any]]:
    """The rows of a metrics file: {"step", "epoch", "time" (Unix seconds), "SPLIT/NAME": number, …}.

    Non-finite numbers, stored as text, come back as numbers. A last line cut short by a kill is left out.

    Raises:
        UserError: the file cannot be read, or another line is damaged.
    """
    try:
        text = path.read_text(encoding="utf-8", errors="replace")
    except OSError as error:
        raise UserError(f"{path}: cannot be read ({error.strerror})") from error
    lines = text.split("\n")[:-1]  # what follows the last line feed is nothing, or a line cut short
    rows = []
    for number, line in enumerate(lines, start=1):
        try:
            row = json.loads(line)
            rows.append({name: float(value) if isinstance(value, str) else value for name, value in row.items()})
        except (ValueError, AttributeError) as error:
            raise UserError(f"{path}, line {number}: damaged, not a row of metrics") from error
    return rows


class MetricsFile(Tracker):
    """Appends a row per `log`, flushed at once. A resumed run first drops what it is about to measure again."""

    def __init__(self) -> None:
        self._file: TextIO | None = None

    def start(self, run: RunInfo) -> None:
        path = run.folder / METRICS
        if path.exists():
            kept = [row for row in read_metrics(path) if run.keeps(row["step"], row)]
            write_atomic(path, "".join(to_json(row) + "\n" for row in kept))
        self._file = path.open("a", encoding="utf-8")

    def log(self, step: int, epoch: float, metrics: Metrics, *, milestone: bool) -> None:
        row = {"step": step, "epoch": epoch, "time": time.time(), **metrics}
        self._file.write(to_json(row) + "\n")
        self._file.flush()

    def finish(self, status: Status, metrics: Metrics) -> None:
        if self._file is not None:
            self._file.close()
