"""The plateau rule against torch's, and its state."""

import json

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.optim import SGD
from torch.optim.lr_scheduler import ReduceLROnPlateau

from dl_runner.config.durations import Horizon, Steps
from dl_runner.optim.schedules import reduce_on_plateau

quick = settings(max_examples=50, deadline=None)
values = st.lists(st.sampled_from([0.1, 0.2, 0.2001, 0.21, 0.3, 0.4, float("nan")]), max_size=25)
modes = st.sampled_from(["max", "min"])


@quick
@given(
    values=values,
    mode=modes,
    patience=st.integers(0, 3),
    cooldown=st.integers(0, 2),
    floor=st.sampled_from([0.0, 0.2]),
    threshold=st.sampled_from([0.0, 1e-2]),
)
def test_the_factor_follows_torchs_rule(values, mode, patience, cooldown, floor, threshold):
    rule = {"factor": 0.5, "patience": patience, "threshold": threshold, "cooldown": cooldown}
    schedule = reduce_on_plateau(Horizon(10, 5), floor=floor, **rule)
    optimizer = SGD([torch.zeros(1, requires_grad=True)], lr=1.0)
    reference = ReduceLROnPlateau(optimizer, mode=mode, min_lr=floor, eps=0, **rule)
    for value in values:
        schedule.react(value, mode)
        reference.step(value)
        assert schedule(3) == pytest.approx(optimizer.param_groups[0]["lr"])


@quick
@given(before=values, after=values, mode=modes)
def test_the_state_goes_on_as_if_never_stopped(before, after, mode):
    one, other = (reduce_on_plateau(Horizon(10, 5), patience=1, cooldown=1) for _ in range(2))
    for value in before:
        one.react(value, mode)
    other.load_state_dict(json.loads(json.dumps(one.state_dict())))
    for value in after:
        one.react(value, mode)
        other.react(value, mode)
    assert one(0) == other(0) and repr(one.state_dict()) == repr(other.state_dict())


def test_the_warm_up_scales_what_the_metric_has_left():
    schedule = reduce_on_plateau(Horizon(10, 5), factor=0.5, patience=0, warmup=Steps(4, "step"))
    assert [schedule(step) for step in range(5)] == [0.25, 0.5, 0.75, 1.0, 1.0]
    for _ in range(2):
        schedule.react(1.0, "min")
    assert [schedule(step) for step in range(5)] == [0.125, 0.25, 0.375, 0.5, 0.5]
