"""The drawn curve: heights, scale and the numbers beside it."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dl_runner.report.curve import draw, draw_rates

BLOCKS = " ▁▂▃▄▅▆▇█"


def heights(text: str) -> list[int]:
    """Eighths of a line per column, read back from the drawing."""
    *lines, axis = text.splitlines()
    bars = [line.split("┤", 1)[1] for line in lines]
    return [sum(BLOCKS.index(bar[column : column + 1] or " ") for bar in bars) for column in range(axis.count("─"))]


@settings(max_examples=50, deadline=None)
@given(
    values=st.lists(st.floats(0, 1e6, allow_subnormal=False), min_size=1, max_size=100),
    width=st.integers(1, 40),
    height=st.integers(1, 9),
)
def test_bars_are_as_high_as_the_largest_value_of_their_stretch(values, width, height):
    text = draw(values, width=width, height=height)
    lines = text.splitlines()
    drawn = heights(text)
    columns, top = len(drawn), max(values)
    assert columns == min(width, len(values)) and len(lines) == height + 1
    for column, eighths in enumerate(drawn):
        stretch = values[len(values) * column // columns : len(values) * (column + 1) // columns]
        assert eighths == pytest.approx(8 * height * max(stretch) / top if top else 0, abs=0.5 + 1e-6)
    assert lines[0].startswith(f"{top:.3g} ┤") and lines[-1].lstrip().startswith("0 └")


def test_bars_have_no_gaps():
    for column in zip(*(line.split("┤")[1].ljust(8) for line in draw([8, 7, 5, 2, 1]).splitlines()[:-1]), strict=True):
        filled = [BLOCKS.index(block) for block in reversed(column)]
        assert filled == sorted(filled, reverse=True) and sum(0 < one < 8 for one in filled) <= 1


def test_the_title_tells_the_first_the_highest_and_the_last_rate():
    title = draw_rates([0.01, 0.1, 0.05, 0.025], steps_per_epoch=2).splitlines()[0]
    assert title == "learning rate over 2 epochs, 4 steps: first 0.01, highest 0.1, last 0.025"
