"""Learning-rate schedules: pure functions from the step to a factor of the optimizer's learning rate.

Each builder takes the run's horizon and returns `factor(step)` for step 0, 1, …; being pure, a schedule has no
state to save and a resumed run continues on the same curve. Imports no torch.
"""

import math
from collections.abc import Callable

from dl_runner.checks import Positive, Probability
from dl_runner.duration import Horizon, Steps

Schedule = Callable[[int], float]


def _warmed(rest: Schedule, warmup: int) -> Schedule:
    """`rest`, scaled linearly from 1/warmup up to 1 over the first `warmup` steps (Goyal et al., 2017)."""
    return lambda step: rest(step) * min(1.0, (step + 1) / warmup) if warmup else rest(step)


def _length(warmup: Steps | None, horizon: Horizon) -> int:
    return warmup.steps(horizon.steps_per_epoch) if warmup else 0


def constant(horizon: Horizon, *, warmup: Steps | None = None) -> Schedule:
    """The same rate throughout."""
    return _warmed(lambda step: 1.0, _length(warmup, horizon))


def step(horizon: Horizon, *, every: Steps, factor: Positive = 0.1, warmup: Steps | None = None) -> Schedule:
    """Multiply by `factor` after every `every`, counted from the start of training."""
    period = every.steps(horizon.steps_per_epoch)
    return _warmed(lambda step: factor ** (step // period), _length(warmup, horizon))


def cosine(horizon: Horizon, *, floor: Probability = 0.0, warmup: Steps | None = None) -> Schedule:
    """Half a cosine from 1 at the end of the warm-up to `floor` at the end of the run (Loshchilov and Hutter, 2017)."""
    rise = _length(warmup, horizon)

    def factor(step: int) -> float:
        done = min(1.0, max(0, step - rise) / max(1, horizon.steps - rise))
        return floor + (1 - floor) * 0.5 * (1 + math.cos(math.pi * done))

    return _warmed(factor, rise)
