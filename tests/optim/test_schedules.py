"""Learning-rate schedules against torch.optim.lr_scheduler, and what holds for all of them."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.optim import SGD, lr_scheduler

from dl_runner.compose import choices
from dl_runner.duration import Horizon, Steps
from dl_runner.optim.schedules import constant, cosine, step
from dl_runner.registry import builder

quick = settings(max_examples=50, deadline=None)
PER_EPOCH = 7
horizons = st.builds(Horizon, st.integers(1, 60), st.integers(1, 20))
warmups = st.none() | st.integers(1, 80).map(lambda n: Steps(n, "step")) | st.just(Steps(1.5, "epoch"))


def schedules(horizon: Horizon, warmup: Steps | None) -> dict:
    return {
        "constant": constant(horizon, warmup=warmup),
        "step": step(horizon, every=Steps(5, "step"), factor=0.3, warmup=warmup),
        "cosine": cosine(horizon, floor=0.1, warmup=warmup),
    }


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
    assert set(choices("schedule")) == set(schedules(Horizon(10, 5), None))
    assert all(callable(builder("schedule", name)) for name in choices("schedule"))


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
        if name != "step":  # its own steps go on meanwhile
            assert factors[:rise] == sorted(factors[:rise]), name
        if rise:
            assert factors[0] == pytest.approx(1 / rise), name
        assert factors[rise:] == sorted(factors[rise:], reverse=True), name
        if name != "cosine":  # which falls from the end of its warm-up
            assert factors[rise:] == pytest.approx([plain(n) for n in range(rise, len(factors))]), name


@quick
@given(horizon=horizons, floor=st.floats(0, 1))
def test_cosine_ends_at_its_floor_and_stays_there(horizon, floor):
    schedule = cosine(horizon, floor=floor)
    assert schedule(0) == pytest.approx(1)
    assert [schedule(horizon.steps + extra) for extra in (0, 1, 100)] == pytest.approx([floor] * 3)
