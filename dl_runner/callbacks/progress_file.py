"""Where a run is, as a file that other programs read: RUN/progress.json, always whole.

It holds step, steps, epoch, epochs, metrics, seconds_left and status. The time that is left is that of the steps so far
for those to come, None before the first one.
"""

import time
from collections.abc import Mapping

from dl_runner.config.types import NonNegative
from dl_runner.runtime.files import to_json, write_atomic, writing
from dl_runner.tracking.tracker import Status
from dl_runner.training.callbacks import Run

FILE = "progress.json"


class ProgressFile:
    """See `progress_file`."""

    def __init__(self, seconds: float) -> None:
        self._seconds, self._first, self._started, self._written = seconds, 0, 0.0, 0.0

    def start(self, run: Run) -> None:
        self._first, self._started = run.step, time.monotonic()
        self._write(run, "running")

    def after_step(self, run: Run) -> None:
        if time.monotonic() - self._written >= self._seconds:
            self._write(run, "running")

    def after_evaluation(self, run: Run, metrics: Mapping[str, float]) -> None:
        self._write(run, "running", metrics)

    def end(self, run: Run, status: Status) -> None:
        self._write(run, status)

    def _write(self, run: Run, status: Status, metrics: Mapping[str, float] | None = None) -> None:
        self._written = now = time.monotonic()
        done, steps = run.step - self._first, run.horizon.steps
        left = (now - self._started) / done * (steps - run.step) if done else None
        content = {
            "step": run.step,
            "steps": steps,
            "epoch": run.epoch,
            "epochs": steps / run.horizon.steps_per_epoch,
            "metrics": {**run.metrics, **(metrics or {})},
            "seconds_left": left if status == "running" else None,
            "status": status,
        }
        path = run.folder / FILE
        with writing(path):
            write_atomic(path, to_json(content, indent=2) + "\n")


def progress_file(*, seconds: NonNegative = 5) -> ProgressFile:
    """Written at the start, after steps, after each evaluation, and at the end.

    Args:
        seconds: between two of those after steps, at least; 0 writes after each.
    """
    return ProgressFile(seconds)
