"""Progress: silence for two seconds, then lines or a bar on standard error, and nothing where nobody looks."""

import pytest

from dl_runner.runtime import progress
from dl_runner.runtime.progress import advancing, in_threads, showing, tracked


@pytest.fixture
def clock(monkeypatch):
    """A clock that stands still until a test moves it."""
    now = [100.0]
    monkeypatch.delenv("DLRUN_CONSOLE", raising=False)
    monkeypatch.setattr(progress, "_now", lambda: now[0])

    def move(seconds):
        now[0] += seconds

    return move


def count(clock, n, seconds):
    for _ in tracked(range(n), "counting"):
        clock(seconds)


def test_what_is_quick_says_nothing(clock, capsys):
    with showing("plain"):
        count(clock, 10, 0.125)
    assert capsys.readouterr() == ("", "")


def test_lines_come_every_ten_seconds_and_at_the_end(clock, capsys):
    with showing("plain"):
        count(clock, 25, 1)
    assert capsys.readouterr().err.splitlines() == [
        "counting: 2 of 25, 23 s left",
        "counting: 12 of 25, 13 s left",
        "counting: 22 of 25, 3 s left",
        "counting: 25 of 25 in 25.0 s",
    ]


def test_a_bar_is_drawn_on_standard_error(clock, capsys):
    with showing("rich"):
        count(clock, 25, 1)
    shown = capsys.readouterr()
    assert "counting" in shown.err and "━" in shown.err and shown.out == ""


def test_nothing_is_shown_where_nobody_looks(clock, capsys, monkeypatch):
    count(clock, 25, 1)  # outside `showing`, as in the middle of a training
    with showing("none"):
        count(clock, 25, 1)
    monkeypatch.setenv("DLRUN_CONSOLE", "none")
    with showing("rich"):
        count(clock, 25, 1)
    assert capsys.readouterr() == ("", "")


def test_units_and_unknown_totals(clock, capsys):
    with showing("plain"), advancing("reading", None, "MB", 1e6, at_once=True) as advance:
        clock(3)
        advance(2_500_000)
    assert capsys.readouterr().err.splitlines() == [
        "reading: 0.0 MB",
        "reading: 2.5 MB",
        "reading: 2.5 MB in 3.0 s",
    ]


def test_threads_keep_the_order_and_raise_what_the_first_item_raised():
    assert in_threads(lambda number: number**2, range(50), "squaring") == [number**2 for number in range(50)]

    def odd(number):
        if number > 20:
            raise ValueError(number)

    with pytest.raises(ValueError, match="21"):
        in_threads(odd, range(50), "failing")
