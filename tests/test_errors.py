"""Hints for unknown words, and the kinds of failure."""

import pickle

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dl_runner.errors import Interrupted, RunFailed, UserError, hint


@pytest.mark.parametrize(
    ("word", "choices", "expected"),
    [
        ("resnt18", ["resnet18", "mlp"], "; did you mean resnet18? (choices: mlp, resnet18)"),
        ("xyz", ["resnet18", "mlp"], "; choices: mlp, resnet18"),
        ("xyz", [], ""),
        (3, [30, 4], "; did you mean 30? (choices: 30, 4)"),
        ("a", ["a", "a"], "; did you mean a? (choices: a)"),
    ],
)
def test_hint(word, choices, expected):
    assert hint(word, choices) == expected


@settings(max_examples=40, deadline=None)
@given(word=st.text(max_size=6), choices=st.lists(st.text("abc", min_size=1, max_size=4), max_size=5))
def test_a_hint_lists_every_choice_once_in_order_and_means_one_of_them(word, choices):
    names = sorted(set(choices))
    text = hint(word, choices)
    listed = text.partition("choices: ")[2].rstrip(")")
    assert listed.split(", ") == (names or [""])
    if "did you mean" in text:
        assert text.partition("did you mean ")[2].partition("?")[0] in names


def test_of_a_long_list_the_nearest_few_are_named():
    names = [f"resnet{number}" for number in range(100)]
    assert hint("lenet5", ["lenet", *names]).startswith("; did you mean lenet? (nearest of 101 choices: lenet, ")
    assert hint("?", names).startswith("; nearest of 100 choices: ")
    assert all(hint(word, names).count("resnet") <= 6 for word in ("resnet", "?", "resnet7"))


def test_an_interruption_passes_handlers_of_ordinary_errors():
    error = Interrupted("stopped", 15)
    assert isinstance(error, KeyboardInterrupt) and not isinstance(error, Exception)
    assert (str(error), error.signal_number) == ("stopped", 15)
    assert not issubclass(RunFailed, UserError) and not issubclass(UserError, RunFailed)


def test_a_stop_travels_between_processes():
    stop = pickle.loads(pickle.dumps(Interrupted("stopped at step 3; go on with: dlrun resume run", 15)))
    assert (str(stop), stop.reason, stop.signal_number) == (
        *("stopped at step 3; go on with: dlrun resume run", "stopped at step 3", 15),
    )
