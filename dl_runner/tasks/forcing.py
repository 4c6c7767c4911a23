"""Teacher forcing: how often a decoder reads the true token before a place while it learns (Williams and Zipser, 1989),
rather than what it would have written there itself (scheduled sampling; Bengio et al., 2015)."""

from random import Random

import torch
from torch import Tensor

from dl_runner.config.durations import Horizon, Steps


class Forcing:
    """Which places read the true token at a step: a function of the seed and the step, the same for every part of a
    batch, in every process, and in a run that is resumed.

    Args:
        rate: in the end, 0 to 1.
        over: how long it takes to fall there from 1; None: it is there from the first step.
        seed: >= 0, of the choices.
    """

    def __init__(self, rate: float, over: Steps | None, seed: int) -> None:
        self._rate, self._over, self._seed = rate, over, seed
        self._now, self._step = 1.0 if over else rate, 0

    def before_step(self, step: int, horizon: Horizon) -> None:
        """Go to a step, counted from 0."""
        self._step, self._now = step, self._rate
        if self._over is not None:
            done = min(1.0, step / self._over.steps(horizon.steps_per_epoch))
            self._now = 1.0 + (self._rate - 1.0) * done

    def choices(self, places: int) -> Tensor | None:
        """Whether each place reads the true token, bool (places,) on the host; None for all."""
        if self._now == 1.0:
            return None
        random = Random(f"{self._seed} {self._step}")
        return torch.tensor([random.random() < self._now for _ in range(places)])
