"""Learning-rate schedules against torch.optim.lr_scheduler, and what holds for all of them."""

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.optim import SGD, lr_scheduler

from dl_runner.config.durations import Horizon, Steps
from dl_runner.config.search_path import choices
from dl_runner.errors import UserError
from dl_runner.optim import schedules as module
from dl_runner.optim.formula import Formula
from dl_runner.optim.schedules import constant, cosine, step
from dl_runner.registry import builder

quick = settings(max_examples=50, deadline=None)
PER_EPOCH = 7
horizons = st.builds(Horizon, st.integers(1, 60), st.integers(1, 20))
warmups = st.none() | st.integers(1, 80).map(lambda n: Steps(n, "step")) | st.just(Steps(1.5, "epoch"))
OPTIONS = {
    "constant": {},
    "step": {"every": Steps(5, "step"), "factor": 0.3},
    "multi_step": {"milestones": [Steps(3, "step"), Steps(20, "step")], "factor": 0.3},
    "piecewise_constant": {"boundaries": [Steps(4, "step"), Steps(9, "step")], "factors": [1.0, 0.5, 0.0]},
    "exponential": {"every": Steps(6, "step"), "factor": 0.4},
    "natural_exponential": {"every": Steps(6, "step"), "rate": 0.4},
    "inverse_time": {"every": Steps(6, "step"), "rate": 0.4},
    "polynomial": {"power": 2.0, "floor": 0.1},
    "cosine": {"floor": 0.1},
    "formula": {"expression": Formula.parse("0.95 ** epoch")},
    "reduce_on_plateau": {},
}
TO_THE_END = {"cosine", "polynomial"}  # they fall from the end of the warm-up to the end of the run
UNMOVED = {"constant", "reduce_on_plateau"}  # all others fall during the warm-up too


def schedules(horizon: Horizon, warmup: Steps | None) -> dict:
    return {name: builder("schedule", name)(horizon, warmup=warmup, **options) for name, options in OPTIONS.items()}


def torchs(steps: int, make) -> list[float]:
    optimizer = SGD([torch.zeros(1, requires_grad=True)], lr=1.0)
    scheduler = make(optimizer)
    rates = []
    for _ in range(steps):
        rates.append(scheduler.get_last_lr()[0])
        optimizer.step()
        scheduler.step()
    return rates


def ours(schedule, steps: int) -> list[float]:
    return [schedule(number) for number in range(steps)]


def test_every_schedule_is_tested_here():
    assert set(choices("schedule")) == set(OPTIONS) | {"noam"}


@pytest.mark.parametrize(("every", "period"), [("3 steps", 3), ("2 epochs", 14), ("0.5 epochs", 4)])
@pytest.mark.parametrize("factor", [0.1, 0.5, 1.0])
def test_step_equals_torchs(every, period, factor):
    schedule = step(Horizon(40, PER_EPOCH), every=Steps.parse(every), factor=factor)
    expected = torchs(40, lambda optimizer: lr_scheduler.StepLR(optimizer, period, factor))
    assert ours(schedule, 40) == pytest.approx(expected)


@pytest.mark.parametrize("steps", [1, 2, 30])
@pytest.mark.parametrize("floor", [0.0, 0.2])
def test_cosine_equals_torchs(steps, floor):
    expected = torchs(steps + 1, lambda one: lr_scheduler.CosineAnnealingLR(one, T_max=steps, eta_min=floor))
    assert ours(cosine(Horizon(steps, PER_EPOCH), floor=floor), steps + 1) == pytest.approx(expected)


@pytest.mark.parametrize("warmup", [2, 5, 14])
def test_warm_up_equals_torchs(warmup):
    def linear(optimizer):
        return lr_scheduler.LinearLR(optimizer, start_factor=1 / warmup, total_iters=warmup - 1)

    schedule = constant(Horizon(30, PER_EPOCH), warmup=Steps(warmup, "step"))
    assert ours(schedule, 30) == pytest.approx(torchs(30, linear))


def test_cosine_after_a_warm_up_equals_torchs_in_sequence():
    warmup, steps = 6, 30

    def both(optimizer):
        rise = lr_scheduler.LinearLR(optimizer, start_factor=1 / warmup, total_iters=warmup - 1)
        fall = lr_scheduler.CosineAnnealingLR(optimizer, T_max=steps - warmup)
        return lr_scheduler.SequentialLR(optimizer, [rise, fall], milestones=[warmup])

    schedule = cosine(Horizon(steps, PER_EPOCH), warmup=Steps(warmup, "step"))
    assert ours(schedule, steps) == pytest.approx(torchs(steps, both))


@quick
@given(horizon=horizons, warmup=warmups)
def test_the_factor_stays_within_0_and_1(horizon, warmup):
    for name, schedule in schedules(horizon, warmup).items():
        assert all(0 <= factor <= 1 for factor in ours(schedule, horizon.steps + 1)), name


@quick
@given(horizon=horizons, warmup=warmups)
def test_the_warm_up_rises_and_what_follows_never_does(horizon, warmup):
    rise = warmup.steps(horizon.steps_per_epoch) if warmup else 0
    for name, schedule in schedules(horizon, warmup).items():
        plain = schedules(horizon, None)[name]
        factors = ours(schedule, max(rise, horizon.steps) + 1)
        if name in TO_THE_END | UNMOVED:
            assert factors[:rise] == sorted(factors[:rise]), name
        if rise:
            assert factors[0] == pytest.approx(1 / rise), name
        assert factors[rise:] == sorted(factors[rise:], reverse=True), name
        if name not in TO_THE_END:
            assert factors[rise:] == pytest.approx([plain(n) for n in range(rise, len(factors))]), name


@quick
@given(horizon=horizons, floor=st.floats(0, 1))
def test_cosine_ends_at_its_floor_and_stays_there(horizon, floor):
    schedule = cosine(horizon, floor=floor)
    assert schedule(0) == pytest.approx(1)
    assert [schedule(horizon.steps + extra) for extra in (0, 1, 100)] == pytest.approx([floor] * 3)


def test_multi_step_equals_torchs():
    milestones = [Steps(2, "step"), Steps(1, "epoch"), Steps(3.5, "epoch")]
    schedule = module.multi_step(Horizon(40, PER_EPOCH), milestones=milestones, factor=0.2)
    expected = torchs(40, lambda one: lr_scheduler.MultiStepLR(one, [2, 7, 24], 0.2))
    assert ours(schedule, 40) == pytest.approx(expected)


def test_piecewise_constant_changes_at_each_boundary():
    boundaries = [Steps(2, "step"), Steps(1, "epoch")]
    schedule = module.piecewise_constant(Horizon(10, PER_EPOCH), boundaries=boundaries, factors=[0.5, 2.0, 0.1])
    assert ours(schedule, 10) == [0.5] * 2 + [2.0] * 5 + [0.1] * 3


@pytest.mark.parametrize("lengths", [[], [(3, "step"), (3, "step")], [(1, "epoch"), (5, "step")]])
def test_lengths_that_do_not_increase_are_refused(lengths):
    steps, horizon = [Steps(*length) for length in lengths], Horizon(10, PER_EPOCH)
    with pytest.raises(UserError, match=r"schedule\.milestones: comes to steps"):
        module.multi_step(horizon, milestones=steps)
    with pytest.raises(UserError, match=r"schedule\.boundaries: comes to steps"):
        module.piecewise_constant(horizon, boundaries=steps, factors=[1.0] * (len(steps) + 1))


@pytest.mark.parametrize("count", [1, 3])
def test_piecewise_constant_needs_a_factor_more_than_boundaries(count):
    with pytest.raises(UserError, match=r"schedule\.factors=.*1 boundaries part the run in 2"):
        module.piecewise_constant(Horizon(10, 5), boundaries=[Steps(3, "step")], factors=[1.0] * count)


@pytest.mark.parametrize(("every", "period"), [("1 epoch", PER_EPOCH), ("3 steps", 3)])
def test_exponential_equals_torchs_and_natural_is_the_same_in_another_base(every, period):
    length, horizon = Steps.parse(every), Horizon(30, PER_EPOCH)
    expected = torchs(30, lambda one: lr_scheduler.ExponentialLR(one, 0.8 ** (1 / period)))
    assert ours(module.exponential(horizon, every=length, factor=0.8), 30) == pytest.approx(expected)
    natural = module.natural_exponential(horizon, every=length, rate=-math.log(0.8))
    assert ours(natural, 30) == pytest.approx(expected)


@pytest.mark.parametrize("power", [0.5, 1.0, 3.0])
def test_polynomial_equals_torchs(power):
    expected = torchs(31, lambda one: lr_scheduler.PolynomialLR(one, total_iters=30, power=power))
    assert ours(module.polynomial(Horizon(30, PER_EPOCH), power=power), 31) == pytest.approx(expected)


def test_polynomial_ends_at_its_floor():
    schedule = module.polynomial(Horizon(10, 5), power=2.0, floor=0.25, warmup=Steps(4, "step"))
    assert (schedule(3), schedule(4), schedule(7)) == pytest.approx((1, 1, 0.25 + 0.75 / 4))
    assert [schedule(10), schedule(99)] == pytest.approx([0.25, 0.25])


def test_inverse_time_equals_torchs_lambda():
    expected = torchs(30, lambda one: lr_scheduler.LambdaLR(one, lambda step: 1 / (1 + 0.3 * step / PER_EPOCH)))
    schedule = module.inverse_time(Horizon(30, PER_EPOCH), every=Steps(1, "epoch"), rate=0.3)
    assert ours(schedule, 30) == pytest.approx(expected)


@quick
@given(rise=st.integers(1, 40), width=st.integers(1, 1024))
def test_noam_is_the_papers_formula_with_its_peak_as_the_rate(rise, width):
    schedule = module.noam(Horizon(100, 10), warmup=Steps(rise, "step"))
    peak = 1 / math.sqrt(width * rise)
    paper = [width**-0.5 * min(t**-0.5, t * rise**-1.5) for t in range(1, 101)]
    assert [peak * schedule(step) for step in range(100)] == pytest.approx(paper)


def test_a_formula_equals_torchs_lambda():
    text = "0.5 * (1 + cos(pi * step / steps)) if epoch < 2 else max(0.1, exp(-epoch / epochs))"

    def by_hand(step):
        if step / PER_EPOCH < 2:
            return 0.5 * (1 + math.cos(math.pi * step / 30))
        return max(0.1, math.exp(-step / 30))

    schedule = module.formula(Horizon(30, PER_EPOCH), expression=Formula.parse(text))
    assert ours(schedule, 30) == pytest.approx(torchs(30, lambda one: lr_scheduler.LambdaLR(one, by_hand)))


@pytest.mark.parametrize("text", ["1 - epoch", "1 / step", "log(step)", "(step - 4) ** 0.5", "10 ** (100 * step)"])
def test_a_formula_without_a_rate_somewhere_is_refused_before_the_run(text):
    with pytest.raises(UserError, match=r"schedule\.expression"):
        module.formula(Horizon(30, PER_EPOCH), expression=Formula.parse(text))
