"""Columns in the header of a run and in a summary."""

from helpers import run
from tables import HOUSES, write

from dl_runner.cli.app import run as command
from dl_runner.report.columns import columns_in_words
from dl_runner.spec import Columns, Vector


def test_columns_are_named_with_the_categories_that_are_told_apart():
    kind = Columns(("a", "b", "c"), ("d", "e"), (3, 5))
    assert columns_in_words(kind) == "numbers a, b, c; categories d (2), e (4)"
    assert columns_in_words(kind, 2) == "numbers a, b and 1 more; categories d (2), e (4)"
    assert columns_in_words(Columns(("a",))) == "numbers a"
    assert columns_in_words(Vector(3)) is None


def test_the_header_and_the_summary_show_them(tmp_path, capsys):
    path = write(tmp_path, HOUSES.replace("a1,", "1,").replace("a2,", "2,"))
    options = (
        f"data.path={path}",
        "data.target=price",
        "data.drop=[Id]",
        "model=linear",
        "data.validation=0",
        "data.test=0",
    )
    folder = run(tmp_path, "data=csv", *options, "trainer.steps=1").record.folder
    told = "numbers area, rooms; categories town (3), street (3)"  # a missing street is one
    assert told in (folder / "log.txt").read_text()
    assert command(["summary", "data=csv", *options]) == 0
    assert told in capsys.readouterr().out
