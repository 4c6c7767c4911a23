"""Ends a run after so many minutes of training.

The run is completed, as after an early stop: the weights of that moment are evaluated and saved, the best ones tested.
The account is in the checkpoint: a run that was killed after ten of thirty minutes has twenty left.
"""

import time
from collections.abc import Mapping
from typing import Any

from dl_runner.config.types import Positive
from dl_runner.training.callbacks import Run


class TimeLimit:
    """See `time_limit`."""

    def __init__(self, minutes: float) -> None:
        self._minutes, self._before, self._started = minutes, 0.0, time.monotonic()

    def start(self, run: Run) -> None:
        self._started = time.monotonic()

    def after_step(self, run: Run) -> None:
        if self._used() >= 60 * self._minutes:
            run.stop(f"callback.time_limit.minutes={self._minutes:g} are over")

    def _used(self) -> float:
        """Seconds, of all parts of the run."""
        return self._before + time.monotonic() - self._started

    def state_dict(self) -> dict[str, Any]:
        return {"seconds": self._used()}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        self._before = state["seconds"]


def time_limit(*, minutes: Positive = 30) -> TimeLimit:
    """Looks at the clock after each step.

    Args:
        minutes: from the first step on, evaluations and checkpoints included; not what it takes to load the data, nor
            the final test.
    """
    return TimeLimit(minutes)
