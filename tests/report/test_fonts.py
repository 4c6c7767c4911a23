"""Names in any script: a font that has the characters, or one word about it."""

import logging

import numpy as np
import pytest
from matplotlib import get_data_path
from matplotlib.figure import Figure

from dl_runner.report import fonts
from dl_runner.report.pictures import confusion_matrix, image_grid

IN_STIX = "\u0359"  # an accent that the usual font lacks, and another one has that comes with matplotlib
NOWHERE = "猫"


@pytest.fixture(autouse=True)
def one_other_font(monkeypatch):
    """Whatever is installed on this machine."""
    monkeypatch.setattr(fonts, "_said", set())
    monkeypatch.setattr(fonts, "_installed", lambda: [("STIXGeneral", f"{get_data_path()}/fonts/ttf/STIXGeneral.ttf")])
    fonts.fonts_for.cache_clear()
    yield
    fonts.fonts_for.cache_clear()


def test_a_font_that_has_the_characters_is_added_and_the_usual_one_stays(caplog):
    axes = Figure().subplots()
    axes.set_xticks([0, 1], ["a", f"b{IN_STIX}"])
    usual = axes.title.get_fontfamily()
    fonts.use_fonts(axes.figure)
    plain, odd = axes.get_xticklabels()
    assert plain.get_fontfamily() == usual and odd.get_fontfamily() == [*usual, "STIXGeneral"]
    assert not caplog.records


def test_what_no_font_has_is_said_once(caplog, recwarn):
    with caplog.at_level(logging.WARNING):
        for _ in range(2):
            confusion_matrix(np.eye(2, dtype=int), ["cat", f"{NOWHERE} dog"])
            image_grid(np.zeros((1, 1, 4, 4), np.uint8), [f"{NOWHERE} 90 %"])
    said = [record.getMessage().partition(";")[0] for record in caplog.records]
    assert said == [f"pictures: no installed font has {NOWHERE}"]
    assert not recwarn.list


def test_fonts_are_looked_for_among_the_installed_ones_without_the_last_resort(monkeypatch):
    monkeypatch.undo()
    found = fonts._installed()
    assert "DejaVu Sans" in dict(found) and not any(name.startswith("Last Resort") for name, _ in found)
    assert fonts.fonts_for(frozenset(IN_STIX))[1] == ""


def test_what_has_no_look_of_its_own_needs_no_font():
    assert not any(map(fonts._is_lacking, "a\n\u200d\ufe0f é…"))
