"""The best evaluation, and patience."""

import json
import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dl_runner.regularize.early_stopping import EarlyStopping

quick = settings(max_examples=50, deadline=None)
values = st.lists(st.sampled_from([0.1, 0.2, 0.3, 0.4, math.nan, math.inf, -math.inf]), max_size=12)
modes = st.sampled_from(["max", "min"])


@quick
@given(values=values, mode=modes)
def test_the_best_is_the_first_of_the_extremes_and_never_nan(values, mode):
    stopping = EarlyStopping(mode)
    marked = [step for step, value in enumerate(values) if stopping.update(value, step)]
    numbers = [value for value in values if not math.isnan(value)]
    if not numbers:
        assert (stopping.best, stopping.best_step, marked) == (None, None, [])
        return
    best = max(numbers) if mode == "max" else min(numbers)
    assert (stopping.best, stopping.best_step) == (best, values.index(best))
    assert marked[-1] == stopping.best_step and stopping.stale == len(values) - 1 - stopping.best_step
    assert not stopping.exhausted


@quick
@given(values=values, mode=modes, patience=st.integers(1, 4))
def test_patience_counts_evaluations_in_a_row_without_a_better_one(values, mode, patience):
    stopping, since = EarlyStopping(mode, patience), 0
    for step, value in enumerate(values):
        since = 0 if stopping.update(value, step) else since + 1
        assert stopping.exhausted == (since >= patience)


@pytest.mark.parametrize(("mode", "sequence"), [("max", [0.5, 0.5, 0.4]), ("min", [0.5, 0.5, 0.6])])
def test_an_equal_value_is_no_better(mode, sequence):
    stopping = EarlyStopping(mode, patience=2)
    assert [stopping.update(value, step) for step, value in enumerate(sequence)] == [True, False, False]
    assert stopping.exhausted and stopping.best_step == 0


@quick
@given(before=values, after=values, mode=modes)
def test_the_state_goes_on_as_if_never_stopped(before, after, mode):
    one, other = EarlyStopping(mode, 3), EarlyStopping(mode, 3)
    for step, value in enumerate(before):
        one.update(value, step)
    other.load_state_dict(json.loads(json.dumps(one.state_dict())))
    assert one == other
    for step, value in enumerate(after, len(before)):
        assert one.update(value, step) == other.update(value, step)
    assert one == other
