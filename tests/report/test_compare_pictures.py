"""The picture of a comparison is a PNG of every kind of comparison that there is."""

import io

import numpy as np
import pytest
from PIL import Image
from run_folders import make_run

from dl_runner.report.compare.pictures import draw
from dl_runner.report.compare.rows import Row, fold
from dl_runner.report.compare.runs import load_all


def picture(tmp_path, folded=True):
    runs, warnings = load_all([tmp_path])
    assert not warnings
    rows = fold(runs)[0] if folded else [Row((run,)) for run in runs]
    return np.asarray(Image.open(io.BytesIO(draw(rows))).convert("RGB"))


def has(pixels, color):
    """Whether a color of the palette, '#rrggbb', is in the picture, to the rounding of 256 colors."""
    wanted = np.array([int(color[i : i + 2], 16) for i in (1, 3, 5)])
    return bool((np.abs(pixels.astype(int) - wanted).max(2) <= 6).sum() > 20)


BLUE, ORANGE, GRAY, PANEL = "#1f77b4", "#ff7f0e", "#b8bcc4", "#4a6fa5"


def test_few_rows_have_a_color_each_and_a_panel_for_what_differs(tmp_path):
    for lr in (0.1, 0.01):
        for seed in range(2):
            make_run(tmp_path / f"{lr}_{seed}", {"optimizer.lr": lr, "seed": seed}, (0.3, 0.5 + lr + seed / 20))
    pixels = picture(tmp_path)
    assert has(pixels, BLUE) and has(pixels, ORANGE) and has(pixels, PANEL) and not has(pixels, GRAY)
    alone = picture(tmp_path / "0.1_0")
    assert alone.shape[0] < pixels.shape[0] and not has(alone, PANEL)


def test_of_many_rows_the_best_stand_out(tmp_path):
    for number in range(12):
        changes = {"optimizer.lr": 0.01 * (number + 1), "model.hidden": [number % 3]}
        make_run(tmp_path / str(number), changes, (0.3, 0.5 + number / 50))
    pixels = picture(tmp_path)
    assert has(pixels, GRAY) and has(pixels, BLUE)


@pytest.mark.parametrize("accuracies", [(), (0.5,), (0.5, float("nan"))])
def test_runs_with_little_to_draw_are_no_failure(accuracies, tmp_path):
    make_run(tmp_path / "a", {}, accuracies, status="failed", traceback="x")
    make_run(tmp_path / "b", {"optimizer.name": "adam"}, accuracies, status="interrupted")
    assert picture(tmp_path).shape[2] == 3
