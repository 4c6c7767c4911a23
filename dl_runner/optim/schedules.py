"""Learning-rate schedules: functions from the step to a factor of the optimizer's learning rate.

Each builder takes the run's horizon and returns `factor(step)` for step 0, 1, …; being pure, a schedule has no
state to save and a resumed run continues on the same curve. `reduce_on_plateau` alone listens to the validation
metric; it is a `MetricSchedule`, whose state is part of the checkpoint. Lengths count from the start of training, the
warm-up included. Imports no torch.
"""

import math
from bisect import bisect_right
from collections.abc import Callable
from itertools import pairwise

from dl_runner.config.durations import Horizon, Steps
from dl_runner.config.types import CountInt, Fraction, NonNegative, OpenFraction, Positive, Probability
from dl_runner.errors import UserError
from dl_runner.optim.formula import Formula
from dl_runner.optim.plateau import ReduceOnPlateau

Schedule = Callable[[int], float]


def _warmed(rest: Schedule, warmup: int) -> Schedule:
    """`rest`, scaled linearly from 1/warmup up to 1 over the first `warmup` steps (Goyal et al., 2017)."""
    return lambda step: rest(step) * min(1.0, (step + 1) / warmup) if warmup else rest(step)


def _length(warmup: Steps | None, horizon: Horizon) -> int:
    return warmup.steps(horizon.steps_per_epoch) if warmup else 0


def _done(horizon: Horizon, rise: int) -> Schedule:
    """The fraction of the run after the warm-up of `rise` steps that is over, 0 to 1."""
    return lambda step: min(1.0, max(0, step - rise) / max(1, horizon.steps - rise))


def _increasing(lengths: list[Steps], key: str, horizon: Horizon) -> list[int]:
    steps = [length.steps(horizon.steps_per_epoch) for length in lengths]
    if not steps or any(later <= earlier for earlier, later in pairwise(steps)):
        raise UserError(f"schedule.{key}: comes to steps {steps}; give one or more lengths, each longer than the last")
    return steps


def constant(horizon: Horizon, *, warmup: Steps | None = None) -> Schedule:
    """The same rate throughout; with a warm-up, a linear rise to it."""
    return _warmed(lambda step: 1.0, _length(warmup, horizon))


def step(horizon: Horizon, *, every: Steps, factor: Positive = 0.1, warmup: Steps | None = None) -> Schedule:
    """Multiply by `factor` after every `every`, counted from the start of training."""
    period = every.steps(horizon.steps_per_epoch)
    return _warmed(lambda step: factor ** (step // period), _length(warmup, horizon))


def multi_step(
    horizon: Horizon, *, milestones: list[Steps], factor: Positive = 0.1, warmup: Steps | None = None
) -> Schedule:
    """Multiply by `factor` at each of the milestones, which increase."""
    at = _increasing(milestones, "milestones", horizon)
    return _warmed(lambda step: factor ** bisect_right(at, step), _length(warmup, horizon))


def piecewise_constant(
    horizon: Horizon, *, boundaries: list[Steps], factors: list[NonNegative], warmup: Steps | None = None
) -> Schedule:
    """`factors[i]` times the rate between boundary i − 1 and boundary i, which increase; one factor more than those."""
    at = _increasing(boundaries, "boundaries", horizon)
    if len(factors) != len(at) + 1:
        raise UserError(f"schedule.factors={factors}: {len(at)} boundaries part the run in {len(at) + 1}")
    return _warmed(lambda step: factors[bisect_right(at, step)], _length(warmup, horizon))


def exponential(horizon: Horizon, *, every: Steps, factor: Positive = 0.9, warmup: Steps | None = None) -> Schedule:
    """factor^(t / every), falling a little at each step t; `step` falls at once after each `every`."""
    period = every.steps(horizon.steps_per_epoch)
    return _warmed(lambda step: factor ** (step / period), _length(warmup, horizon))


def natural_exponential(
    horizon: Horizon, *, every: Steps, rate: NonNegative = 0.1, warmup: Steps | None = None
) -> Schedule:
    """exp(−rate · t / every) at step t."""
    period = every.steps(horizon.steps_per_epoch)
    return _warmed(lambda step: math.exp(-rate * step / period), _length(warmup, horizon))


def inverse_time(horizon: Horizon, *, every: Steps, rate: NonNegative = 0.5, warmup: Steps | None = None) -> Schedule:
    """1 / (1 + rate · t / every) at step t (Robbins and Monro, 1951, for the decay that lets SGD converge)."""
    period = every.steps(horizon.steps_per_epoch)
    return _warmed(lambda step: 1 / (1 + rate * step / period), _length(warmup, horizon))


def polynomial(
    horizon: Horizon, *, power: Positive = 1.0, floor: Probability = 0.0, warmup: Steps | None = None
) -> Schedule:
    """From 1 at the end of the warm-up to `floor` at the end of the run as (1 − done)^power; power 1 is a line."""
    rise = _length(warmup, horizon)
    done = _done(horizon, rise)
    return _warmed(lambda step: floor + (1 - floor) * (1 - done(step)) ** power, rise)


def cosine(horizon: Horizon, *, floor: Probability = 0.0, warmup: Steps | None = None) -> Schedule:
    """Half a cosine from 1 at the end of the warm-up to `floor` at the end of the run (Loshchilov and Hutter, 2017)."""
    rise = _length(warmup, horizon)
    done = _done(horizon, rise)
    return _warmed(lambda step: floor + (1 - floor) * 0.5 * (1 + math.cos(math.pi * done(step))), rise)


def noam(horizon: Horizon, *, warmup: Steps) -> Schedule:
    """A linear rise over the warm-up, then √(warmup / t) at step t (Vaswani et al., 2017, section 5.3).

    The optimizer's rate is the highest; in the paper that is 1 / √(model width · warm-up steps).
    """
    rise = _length(warmup, horizon)
    return lambda step: min((step + 1) / rise, math.sqrt(rise / (step + 1)))


def formula(horizon: Horizon, *, expression: Formula, warmup: Steps | None = None) -> Schedule:
    """A function of your own: an expression of step, steps, epoch and epochs, such as 0.95 ** epoch.

    Raises:
        UserError: its value is negative or not finite somewhere in the run.
    """

    def factor(step: int) -> float:
        try:
            value = expression(step, horizon.steps, horizon.steps_per_epoch)
        except ValueError as error:
            raise UserError(f"schedule.expression: {error}") from None
        if value < 0:
            raise UserError(f"schedule.expression={expression.text}: is {value:g} at step {step}; a rate is at least 0")
        return value

    for number in range(0, horizon.steps, max(1, horizon.steps // 10_000)):
        factor(number)
    return _warmed(factor, _length(warmup, horizon))


def reduce_on_plateau(
    horizon: Horizon,
    *,
    factor: OpenFraction = 0.1,
    patience: CountInt = 2,
    threshold: Fraction = 1e-4,
    cooldown: CountInt = 0,
    floor: Fraction = 0.0,
    warmup: Steps | None = None,
) -> ReduceOnPlateau:
    """Multiply by `factor` after more than `patience` evaluations in a row without a better validation metric."""
    return ReduceOnPlateau(
        factor=factor,
        patience=patience,
        threshold=threshold,
        cooldown=cooldown,
        floor=floor,
        warmup=_warmed(lambda step: 1.0, _length(warmup, horizon)),
    )
