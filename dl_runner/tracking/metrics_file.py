"""metrics.jsonl: every number a run measured, one JSON object a line. Imports no torch."""

import json
import os
import time
from pathlib import Path
from typing import Any

from dl_runner.errors import UserError
from dl_runner.runtime.checksums import ON_PURPOSE, begins_as, known_checksum
from dl_runner.runtime.files import append, read_file, to_json, write_atomic, writing
from dl_runner.tracking.tracker import Metrics, RunInfo, Status, Tracker

METRICS = "metrics.jsonl"


def read_metrics(path: Path) -> list[dict[str, Any]]:
    """The rows of a metrics file: {"step", "epoch", "time" (Unix seconds), "SPLIT/NAME": number, …}.

    Non-finite numbers, stored as text, come back as numbers. A last line cut short by a kill is left out.

    Raises:
        UserError: the file cannot be read, another line is damaged, or rows are not as the run wrote them.
    """
    content = read_file(path)
    if not begins_as(content, known_checksum(path)):
        raise UserError(f"{path}: damaged, its rows are not as the run wrote them; restore it ({ON_PURPOSE})")
    return [_row(path, number, line) for number, line in enumerate(_lines(content), start=1)]


def _lines(content: bytes) -> list[bytes]:
    return content.split(b"\n")[:-1]  # what follows the last line feed is nothing, or a line cut short


def _row(path: Path, number: int, line: bytes) -> dict[str, Any]:
    try:
        row = json.loads(line.decode())
        return {name: float(value) if isinstance(value, str) else value for name, value in row.items()}
    except (ValueError, AttributeError, RecursionError) as error:
        raise UserError(f"{path}, line {number}: damaged, not a row of metrics") from error


def rows_lost(folder: Path, known: Any, step: int) -> str | None:
    """Whether a run that goes on has to do without the rows before its checkpoint, in words; None where it has them.

    Args:
        folder: the run folder.
        known: the checksum of metrics.jsonl that the checkpoint holds, None in one of before.
        step: of the checkpoint.

    Raises:
        UserError: there is a file with other rows.
    """
    path = folder / METRICS
    if not path.exists():
        return f"{METRICS} is gone, and with it the rows up to step {step:,}" if known or known is None else None
    if not begins_as(read_file(path), known):
        raise UserError(
            f"{path}: damaged, the rows up to step {step:,} are not as the run wrote them; restore it, or remove it to "
            "go on without them (the weights and all that is measured from here on do not depend on it)"
        )
    return None


class MetricsFile(Tracker):
    """Appends a row per `log`, at once. A resumed run first drops what it is about to measure again."""

    def __init__(self) -> None:
        self._file: int | None = None

    def start(self, run: RunInfo) -> None:
        path = run.folder / METRICS
        if path.exists():
            rows = zip(_lines(read_file(path)), read_metrics(path), strict=True)
            kept = [line for line, row in rows if run.keeps(row["step"], row)]
            with writing(path):
                write_atomic(path, b"".join(line + b"\n" for line in kept))
        with writing(path):
            self._file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o666)
        self._path = path

    def log(self, step: int, epoch: float, metrics: Metrics, *, milestone: bool) -> None:
        row = {"step": step, "epoch": epoch, "time": time.time(), **metrics}
        with writing(self._path):
            append(self._file, f"{to_json(row)}\n".encode())

    def finish(self, status: Status, metrics: Metrics) -> None:
        if self._file is not None:
            os.close(self._file)
            self._file = None
