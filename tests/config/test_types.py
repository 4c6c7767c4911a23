"""Values against annotations: what passes, what it becomes, what the user is told."""

import inspect
import math
from pathlib import Path
from typing import Annotated, Any, Literal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dl_runner.config.durations import Duration, Steps
from dl_runner.config.types import (
    CountInt,
    Fraction,
    Mismatch,
    NonNegative,
    Positive,
    PositiveInt,
    Probability,
    Within,
    arguments,
    checked,
    convert,
    describe,
)
from dl_runner.errors import UserError

quick = settings(max_examples=50, deadline=None)
scalars = st.one_of(st.none(), st.booleans(), st.integers(-9, 9), st.floats(), st.text(max_size=3), st.just([1]))

FITS = [
    (3, int, 3),
    (3, float, 3.0),
    (0.5, float, 0.5),
    (True, bool, True),
    ("a", str, "a"),
    (None, None, None),
    (None, type(None), None),
    ("a/b", Path, Path.cwd() / "a" / "b"),
    (Path("a"), Path, Path.cwd() / "a"),
    ("~", Path, Path.home()),
    ("max", Literal["max", "average"], "max"),
    (True, Literal["auto", True, False], True),
    (True, Literal["auto", "off", "on"], "on"),
    (False, Literal["off", "on"], "off"),
    (None, int | None, None),
    (3, int | None, 3),
    (3, float | None, 3.0),
    ([1, 2], list[int], [1, 2]),
    ((1, 2), list[int], [1, 2]),
    ([1, 2], tuple[float, ...], (1.0, 2.0)),
    ([], list[int], []),
    ([1, "a"], list, [1, "a"]),
    ([1, 2], list[PositiveInt], [1, 2]),
    (0, Fraction | list[Fraction], 0.0),
    ([0, 0.5], Fraction | list[Fraction], [0.0, 0.5]),
    ({"a": 1}, dict, {"a": 1}),
    ([{"a": 1}], list[dict], [{"a": 1}]),
    ("2 epochs", Steps, Steps(2.0, "epoch")),
    ("10 minutes", Duration, Duration(10.0, "minute")),
    (None, Steps | None, None),
    ("anything", Any, "anything"),
    ([None], inspect.Parameter.empty, [None]),
]

REFUSED = [
    ("a", int, "expected a whole number"),
    (1.5, int, "expected a whole number"),
    (2.0, int, "expected a whole number"),
    (True, int, "expected a whole number"),
    (None, int, "expected a whole number"),
    ("1", float, "expected a number"),
    (False, float, "expected a number"),
    (1, bool, "expected true or false"),
    ("true", bool, "expected true or false"),
    (1, str, "expected a text"),
    (0, type(None), "expected null"),
    ("", Path, "expected a path"),
    (1, Path, "expected a path"),
    ("rleu", Literal["relu", "tanh"], "expected one of relu, tanh; did you mean relu?"),
    ("xyz", Literal["relu", "tanh"], "expected one of relu, tanh"),
    (True, Literal[1, 2], "expected one of 1, 2"),
    ([1], Literal["a"], "expected one of a"),
    ("a", int | None, "expected a whole number or null"),
    ("fp23", Literal["fp32", "bf16"] | None, "expected one of fp32, bf16 or null; did you mean fp32?"),
    (3, list[int], "expected a list of a whole number"),
    ("ab", list[str], "expected a list of a text"),
    ([1, 0], list[PositiveInt], "expected a whole number at least 1"),
    ({}, list[Any], "expected a list of Any"),
    ([], dict, "expected dict"),
    ("2 minutes", Steps, "expected a duration such as '200 steps' or '1 epoch'"),
    (3, Duration, "expected a duration such as '200 steps', '1 epoch' or '10 minutes'"),
    (0, PositiveInt, "expected a whole number at least 1"),
    (-1, CountInt, "expected a whole number at least 0"),
    (1.0, PositiveInt, "expected a whole number at least 1"),
    (0, Positive, "expected a number above 0"),
    (-0.1, NonNegative, "expected a number at least 0"),
    (1, Fraction, "expected a number at least 0 and below 1"),
    (1.1, Probability, "expected a number at least 0 and at most 1"),
    ("a", Probability, "expected a number at least 0 and at most 1"),
]


@pytest.mark.parametrize(("value", "annotation", "expected"), FITS)
def test_a_value_that_fits_takes_the_type_of_its_annotation(value, annotation, expected):
    result = convert(value, annotation)
    assert result == expected and type(result) is type(expected)


@pytest.mark.parametrize(("value", "annotation", "message"), REFUSED)
def test_a_value_that_does_not_fit_is_told_what_was_expected(value, annotation, message):
    with pytest.raises(Mismatch) as caught:
        convert(value, annotation)
    assert str(caught.value) == message


@quick
@given(value=st.floats(), name=st.sampled_from(["Positive", "NonNegative", "Fraction", "Probability"]))
def test_a_float_passes_exactly_when_it_is_finite_and_in_range(value, name):
    annotation, inside = {
        "Positive": (Positive, value > 0),
        "NonNegative": (NonNegative, value >= 0),
        "Fraction": (Fraction, 0 <= value < 1),
        "Probability": (Probability, 0 <= value <= 1),
    }[name]
    if inside and math.isfinite(value):
        assert convert(value, annotation) == value
    else:
        with pytest.raises(Mismatch):
            convert(value, annotation)


@quick
@given(ends=st.tuples(st.floats(-1e6, 1e6), st.floats(-1e6, 1e6)).map(sorted), share=st.floats(0, 1))
def test_any_float_between_the_ends_passes(ends, share):
    low, high = ends
    value = min(high, max(low, low + share * (high - low)))
    assert convert(value, Annotated[float, Within(low, high)]) == value
    for outside in (math.nextafter(low, -math.inf), math.nextafter(high, math.inf)):
        with pytest.raises(Mismatch):
            convert(outside, Annotated[float, Within(low, high)])


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_a_range_without_ends_still_asks_for_a_finite_number(value):
    assert not Within().holds(value)
    with pytest.raises(Mismatch, match="number"):
        convert(value, Annotated[float, Within()])


@pytest.mark.parametrize("end", [0.0, 1.0])
@pytest.mark.parametrize("is_open", [False, True])
def test_an_open_end_is_outside(end, is_open):
    assert Within(0, 1, low_open=is_open, high_open=is_open).holds(end) is not is_open


@pytest.mark.parametrize("annotation", [Positive, NonNegative, CountInt, PositiveInt])
def test_a_number_of_any_size_gets_an_answer(annotation):
    """A whole number may be larger than any float."""
    try:
        assert convert(10**400, annotation) == 10**400
    except Mismatch as refusal:
        assert str(refusal).startswith("expected a ")


@quick
@given(st.booleans())
def test_a_bool_is_no_number(value):
    for annotation in (int, float, PositiveInt, CountInt, NonNegative, Probability, int | None, list[int]):
        with pytest.raises(Mismatch):
            convert([value] if annotation == list[int] else value, annotation)


@quick
@given(value=scalars, other=st.sampled_from([int, float, bool, str, type(None)]))
def test_a_union_takes_what_one_of_its_members_takes(value, other):
    def fits(annotation):
        try:
            convert(value, annotation)
        except Mismatch:
            return False
        return True

    assert fits(other | list[int]) == (fits(other) or fits(list[int]))


@pytest.mark.parametrize(
    ("annotation", "words"),
    [
        (int, "a whole number"),
        (Positive | None, "a number above 0 or null"),
        (list[Fraction], "a list of a number at least 0 and below 1"),
        (tuple[int, ...], "a list of a whole number"),
        (Literal["a", 2], "one of a, 2"),
        (Path, "a path"),
        (Steps, Steps.expects),
    ],
)
def test_describe(annotation, words):
    assert describe(annotation) == words


@pytest.mark.parametrize(
    ("value", "message"),
    [
        (None, "trainer.steps=null: expected a whole number"),
        (True, "trainer.steps=true: expected a whole number"),
        (False, "trainer.steps=false: expected a whole number"),
        ("abc", "trainer.steps=abc: expected a whole number"),
    ],
)
def test_checked_names_the_key_and_the_value_as_the_user_writes_it(value, message):
    with pytest.raises(UserError) as caught:
        checked(value, int, "trainer.steps")
    assert str(caught.value) == message


def build(groups: list, *, rate: Positive, kind: Literal["max", "min"] = "max", rates: list[Fraction] = ()):
    return groups, rate, kind, rates


def postponed(*, every: "Steps", rate: "Positive" = 1.0) -> "NotImportedHere":  # noqa: F821
    return every, rate


def test_arguments_are_converted_one_by_one_and_leave_defaults_alone():
    assert arguments(build, {"rate": 1, "rates": (0, 0.5)}, "loss", {"groups"}) == {"rate": 1.0, "rates": [0.0, 0.5]}


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"rate": 1, "rat": 2}, "loss.rat=2: build has no such parameter; did you mean rate? (choices: kind, rate"),
        ({"rate": 1, "groups": []}, "loss.groups=[]: build has no such parameter"),
        ({}, "loss.rate: build needs it (a number above 0)"),
        ({"rate": -1}, "loss.rate=-1: expected a number above 0"),
        ({"rate": 1, "kind": "mix"}, "loss.kind=mix: expected one of max, min; did you mean min?"),
    ],
)
def test_arguments_that_do_not_fit_the_signature(values, message):
    with pytest.raises(UserError) as caught:
        arguments(build, values, "loss", {"groups"})
    assert str(caught.value).startswith(message)


def test_a_builder_without_parameters_says_so():
    with pytest.raises(UserError) as caught:
        arguments(lambda data: None, {"width": 3}, "model", {"data"})
    assert str(caught.value).endswith("has no such parameter; it takes none")


def test_postponed_annotations_are_understood():
    assert arguments(postponed, {"every": "3 steps", "rate": 2}, "schedule") == {"every": Steps(3, "step"), "rate": 2.0}
    with pytest.raises(UserError, match=r"schedule\.every: postponed needs it"):
        arguments(postponed, {}, "schedule")
