"""A schedule that listens to the validation metric. Imports no torch."""

import math
from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal


class MetricSchedule(ABC):
    """A schedule with a state: its factor depends on what was measured, and its state is part of a checkpoint."""

    @abstractmethod
    def __call__(self, step: int) -> float:
        """The factor of the learning rate for a step, as it stands."""

    @abstractmethod
    def react(self, value: float, mode: Literal["max", "min"]) -> None:
        """Take the task's monitored validation metric, after each evaluation; `mode` says whether more is better."""

    @abstractmethod
    def state_dict(self) -> dict:
        """Plain containers."""

    @abstractmethod
    def load_state_dict(self, state: dict) -> None:
        """Inverse of `state_dict`."""


@dataclass
class ReduceOnPlateau(MetricSchedule):
    """The rule of torch.optim.lr_scheduler.ReduceLROnPlateau, one call of `react` per evaluation.

    Args:
        factor: of each reduction, 0 < factor < 1.
        patience: evaluations without a better value that do no harm, >= 0.
        threshold: the relative margin by which a value must beat the best, [0, 1).
        cooldown: evaluations after a reduction that are not counted, >= 0.
        floor: the factor never falls below this, [0, 1).
        warmup: a pure schedule that is multiplied with it.
    """

    factor: float
    patience: int
    threshold: float
    cooldown: int
    floor: float
    warmup: Callable[[int], float]
    best: float | None = None
    stale: int = 0
    rest: int = 0  # evaluations of the cooldown still to come
    current: float = 1.0

    def __call__(self, step: int) -> float:
        return self.current * self.warmup(step)

    def react(self, value: float, mode: Literal["max", "min"]) -> None:
        if self._better(value, mode):
            self.best, self.stale = value, 0
        else:
            self.stale += 1
        if self.rest:
            self.rest, self.stale = self.rest - 1, 0
        if self.stale > self.patience:
            self.current = max(self.floor, self.current * self.factor)
            self.rest, self.stale = self.cooldown, 0

    def _better(self, value: float, mode: Literal["max", "min"]) -> bool:
        if self.best is None:
            return not math.isnan(value)
        if mode == "max":
            return value > self.best * (1 + self.threshold)
        return value < self.best * (1 - self.threshold)

    def state_dict(self) -> dict:
        return {"best": self.best, "stale": self.stale, "rest": self.rest, "current": self.current}

    def load_state_dict(self, state: dict) -> None:
        self.best, self.stale = state["best"], state["stale"]
        self.rest, self.current = state["rest"], state["current"]
