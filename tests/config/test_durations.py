"""Lengths in steps, epochs and minutes."""

import math

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from dl_runner.config.durations import Duration, Horizon, Steps

quick = settings(max_examples=50, deadline=None)


@pytest.mark.parametrize("unit", ["step", "epoch", "minute"])
@pytest.mark.parametrize("text", ["{n} {u}", "{n}{u}", " {n}  {u}s ", "{n} {u}s"])
@quick
@given(amount=st.integers(1, 10**6).map(lambda n: n / 100))
def test_parse_reads_what_a_person_writes(unit, text, amount):
    assert Duration.parse(text.format(n=amount, u=unit)) == Duration(amount, unit)


@pytest.mark.parametrize(
    "text", ["", "3", "epoch", "0 steps", "0.0 epochs", "-1 epoch", "1e3 steps", "1 hour", "1 epoch 2"]
)
def test_parse_refuses_with_an_example_of_what_it_wants(text):
    for kind in (Duration, Steps):
        with pytest.raises(ValueError, match="is not a duration such as '200 steps'"):
            kind.parse(text)


@pytest.mark.parametrize("value", [3, 1.5, None, True, ["1 epoch"]])
def test_parse_takes_text_only(value):
    with pytest.raises(ValueError, match="duration"):
        Duration.parse(value)


def test_time_is_no_number_of_steps():
    assert Duration.parse("10 minutes").steps(100) is None
    assert Duration.parse("10 minutes").seconds() == 600
    assert Duration.parse("2 epochs").seconds() is None
    with pytest.raises(ValueError, match="'200 steps' or '1 epoch'"):
        Steps.parse("10 minutes")
    assert isinstance(Steps.parse("10 steps"), Steps)


@quick
@given(amount=st.integers(1, 10**4), share=st.integers(1, 300).map(lambda n: n / 100), per_epoch=st.integers(1, 1000))
def test_steps_of_steps_and_of_epochs(amount, share, per_epoch):
    for kind in (Duration, Steps):
        assert kind(amount, "step").steps(per_epoch) == amount
        converted = kind(share, "epoch").steps(per_epoch)
        assert converted >= 1 and (abs(converted - share * per_epoch) <= 0.5 or converted == 1)


@quick
@example(tenths=11, per_epoch=50)  # 1.1 * 50 is above 55 in floating point
@given(tenths=st.integers(1, 300), per_epoch=st.integers(1, 1000))
def test_a_horizon_in_epochs_is_the_smallest_number_of_steps_that_holds_them(tenths, per_epoch):
    horizon = Horizon.of(tenths / 10, None, per_epoch)
    assert horizon == Horizon(max(1, math.ceil(tenths * per_epoch / 10)), per_epoch)


def test_a_horizon_in_steps_is_those_steps():
    assert Horizon.of(None, 7, 100) == Horizon(7, 100)
