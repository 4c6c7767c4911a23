"""From the values on a command line to the jobs of a sweep."""

import math

import pytest
from hydra.core.override_parser.overrides_parser import OverridesParser
from hypothesis import given, settings
from hypothesis import strategies as st

from dl_runner.errors import UserError
from dl_runner.sweep.search import SEARCHES, split


def jobs(search, *overrides, n=5, seed=0):
    swept, fixed = split(OverridesParser.create().parse_overrides(list(overrides)))
    return SEARCHES[search](swept, n, seed), fixed


def values(found, key):
    return [float(dict(one.split("=", 1) for one in job)[key]) for job in found]


def test_a_grid_is_every_combination_and_fixed_values_stay_apart():
    found, fixed = jobs("grid", "model=mlp,lenet", "trainer.steps=6", "seed=range(0,3)", "model.hidden=[4,5]")
    assert found == [[f"model={name}", f"seed={seed}"] for name in ("mlp", "lenet") for seed in range(3)]
    assert fixed == ["trainer.steps=6", "model.hidden=[4,5]"]
    assert jobs("grid", "seed=1,2", "seed=3")[0] == [[]]


def test_zip_pairs():
    found, _ = jobs("zip", "model=mlp,lenet", "optimizer.lr=choice(0.1,0.2)")
    assert found == [["model=mlp", "optimizer.lr=0.1"], ["model=lenet", "optimizer.lr=0.2"]]


@pytest.mark.parametrize(
    ("search", "overrides", "words"),
    [
        ("zip", ["model=mlp,lenet", "seed=0,1,2"], ["equal length", "model has 2", "seed has 3"]),
        ("zip", ["lr=interval(0,1)"], ["lr=interval(0,1)", "sweep=random"]),
        ("grid", ["lr=interval(0,1)"], ["lr=interval(0,1)", "sweep=random"]),
        ("random", ["lr=interval(1,0)"], ["lr=interval(1,0)", "LOW, HIGH"]),
        ("random", ["lr=tag(log,interval(0,1))"], ["above 0"]),
        ("random", ["lr=tag(lg,interval(0,1))"], ["the only tag is log"]),
        ("random", ["seed=tag(log,range(1,9))"], ["the only tag is log"]),
        ("grid", ["sweep.retries=0,1"], ["sweep.retries=0,1", "one value"]),
    ],
)
def test_a_search_that_cannot_be_is_refused_by_name(search, overrides, words):
    with pytest.raises(UserError) as error:
        jobs(search, *overrides)
    assert all(word in str(error.value) for word in words)


@settings(max_examples=50, deadline=None)
@given(
    low=st.floats(1e-6, 1e3), width=st.floats(1e-9, 1e3), log=st.booleans(), whole=st.booleans(), seed=st.integers(0)
)
def test_samples_are_in_bounds_and_a_function_of_the_seed(low, width, log, whole, seed):
    low, high = (math.ceil(low), math.ceil(low + width)) if whole else (low, low + width)
    space = f"interval({low!r},{high!r})"
    space = f"int({space})" if whole else space
    space = f"x={f'tag(log,{space})' if log else space}"
    found, _ = jobs("random", space, "y=a,b,c", n=8, seed=seed)
    drawn = values([[job[0]] for job in found], "x")
    assert all(low <= value <= high for value in drawn)
    assert all(value == int(value) for value in drawn) or not whole
    assert jobs("random", space, "y=a,b,c", n=8, seed=seed)[0] == found
    assert jobs("random", space, "y=a,b,c", n=3, seed=seed)[0] == found[:3]
    assert {job[1] for job in found} <= {"y=a", "y=b", "y=c"}


def test_samples_spread_over_their_scale():
    linear = values(jobs("random", "x=interval(0.001,1)", n=400)[0], "x")
    log = values(jobs("random", "x=tag(log,interval(0.001,1))", n=400)[0], "x")
    assert sum(value > 0.5 for value in linear) == pytest.approx(200, abs=40)
    assert sum(value < 0.001**0.5 for value in log) == pytest.approx(200, abs=40)
    assert len({str(value) for value in log}) > 390 and max(map(len, map(str, log))) <= 10
    assert set(values(jobs("random", "x=int(interval(1,4))", n=4)[0], "x")) == {1, 2, 3, 4}
    assert jobs("random", "x=interval(0,1)", seed=1) != jobs("random", "x=interval(0,1)", seed=2)


def test_a_small_space_is_not_sampled_twice():
    found, _ = jobs("random", "model=mlp,lenet", "seed=0,1", n=10)
    assert len(found) == len({tuple(job) for job in found}) == 4
