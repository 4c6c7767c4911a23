"""Expressions from a config: what they compute, and that nothing else gets in."""

import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dl_runner.config.types import checked
from dl_runner.errors import UserError
from dl_runner.optim.formula import Formula


@settings(max_examples=25, deadline=None)
@given(step=st.integers(0, 50), steps=st.integers(1, 50), per_epoch=st.integers(1, 9))
def test_the_names_are_the_position_in_the_run(step, steps, per_epoch):
    for name, value in {"step": step, "steps": steps, "epoch": step / per_epoch, "epochs": steps / per_epoch}.items():
        assert Formula.parse(name)(step, steps, per_epoch) == pytest.approx(value)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("0.95 ** epoch", 0.95**1.5),
        ("1 - step / steps", 0.85),
        ("-(2 // 3) + +7 % 4", 3),
        ("1 if step >= 3 else 0.1", 1),
        ("1 if 3 < step < 9 else 0.1", 0.1),
        ("min(1, sqrt(step)) + abs(-e)", 1 + math.e),
        (" sin(pi / 2)\n", 1),
        (0.5, 0.5),
    ],
)
def test_arithmetic(text, value):
    assert Formula.parse(text)(3, 20, 2) == pytest.approx(value)


@pytest.mark.parametrize(
    "text",
    [
        *("", "1 +", "lambda: 1", "x", "step.real", "steps[0]", "'1' * 9", "[1, 2]", "f'{step}'", "None", "1j", "..."),
        *("__import__('os')", "open('x')", "print(step)", "().__class__", "(step := 3)", "step and 1", "not step"),
        *("exp", "max(*[1, 2])", "max(1, 2, key=abs)", "sin(x=1)", "step(1)", "pi(1)", "exp(exp)", "exp.__call__(1)"),
        *("(1 < 2) ** 9", "1 << 9", "~3", "1 & 2", "1 == 1 if step else 2", "1; 2", "9" * 400, "-" * 999 + "1"),
        *("1" * 1001, True, None, ["1"]),
    ],
)
def test_everything_else_is_refused_in_one_line(text):
    with pytest.raises(UserError, match=r"^schedule\.expression=.*: expected an arithmetic expression of step"):
        checked(text, Formula, "schedule.expression")


@pytest.mark.parametrize("text", ["1 / step", "log(step)", "(-1) ** 0.5", "9 ** 9 ** 9 ** 9", "exp(1000)", "max(1)"])
def test_a_value_that_is_no_finite_number_is_an_error_at_its_step(text):
    with pytest.raises(ValueError, match="no finite value at step 0"):
        Formula.parse(text)(0, 10, 5)
