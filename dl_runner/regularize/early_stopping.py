"""The best evaluation so far, and when to stop waiting for a better one (Prechelt, "Early stopping — but when?")."""

import math
from dataclasses import dataclass
from typing import Literal


@dataclass
class EarlyStopping:
    """Remembers the best value of a metric; `exhausted` after `patience` evaluations in a row without a better one.

    Args:
        better: whether more ("max") or less ("min") is better.
        patience: evaluations >= 1; None never stops.
    """

    better: Literal["max", "min"]
    patience: int | None = None
    best: float | None = None
    best_step: int | None = None
    stale: int = 0

    def update(self, value: float, step: int) -> bool:
        """Take one evaluation's value; True if it is the best so far. A NaN never is."""
        improved = self.best is None or (value > self.best if self.better == "max" else value < self.best)
        if improved and not math.isnan(value):
            self.best, self.best_step, self.stale = value, step, 0
            return True
        self.stale += 1
        return False

    @property
    def exhausted(self) -> bool:
        return self.patience is not None and self.stale >= self.patience

    def state_dict(self) -> dict:
        return {"best": self.best, "best_step": self.best_step, "stale": self.stale}

    def load_state_dict(self, state: dict) -> None:
        self.best, self.best_step, self.stale = state["best"], state["best_step"], state["stale"]
