"""The picture of a comparison is a PNG of every kind of comparison that there is."""

import io
import json

import numpy as np
import pytest
from matplotlib.figure import Figure
from PIL import Image
from run_folders import make_run

from dl_runner.report.compare.pictures import _draw_swept, _positions, draw, sampled_scale
from dl_runner.report.compare.rows import Row, brought, fold
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


def rows_of(tmp_path):
    return fold(load_all([tmp_path])[0])[0]


def optimizers(tmp_path, rates=((0.1, 0.2), (0.001, 0.002))):
    """Two optimizers, one with a momentum of its own, for the same two models."""
    for (name, momentum), (first, second) in zip((("sgd", 0.0), ("adam", 0.9)), rates, strict=True):
        for model, rate in (("mlp", first), ("lenet", second)):
            changes = {
                "optimizer.name": name,
                "optimizer.momentum": momentum,
                "optimizer.lr": rate,
                "model.name": model,
            }
            make_run(tmp_path / f"{name}_{model}", changes, (0.3, 0.5))
    return rows_of(tmp_path)


def test_what_only_follows_a_choice_keeps_no_points_apart(tmp_path):
    assert brought(optimizers(tmp_path, ((0.1, 0.1), (0.001, 0.001)))) == dict.fromkeys(
        ("optimizer.lr", "optimizer.momentum"), "optimizer.name"
    )
    drawn = []
    with pytest.MonkeyPatch.context() as patch:
        errorbar = "matplotlib.axes.Axes.errorbar"
        patch.setattr(errorbar, lambda axes, xs, *rest, **more: drawn.append((axes, len(xs))))
        patch.setattr("dl_runner.report.compare.pictures._as_they_are", lambda legend: None)
        draw(rows_of(tmp_path))
    assert [count for _, count in drawn] == [2] * 4 and len({axes for axes, _ in drawn}) == 2  # model, optimizer


def test_what_was_chosen_beside_a_choice_does(tmp_path):
    assert brought(optimizers(tmp_path)) == {"optimizer.momentum": "optimizer.name"}


@pytest.mark.parametrize(
    ("values", "swept", "scale"),
    [
        ((0.2, 0.5), "tag(log, interval(0.1, 1))", "log"),
        ((0.01, 0.9), "interval(0, 1)", "linear"),
        ((0.01, 0.9), "0.01,0.9", "log"),
        ((0.2, 0.5), "0.2,0.5", "linear"),
        ((0.01, 0.9), None, "log"),
    ],
)
def test_an_axis_is_as_the_values_were_drawn(tmp_path, values, swept, scale):
    for value in values:
        make_run(tmp_path / str(value), {"optimizer.lr": value}, (0.3, 0.5))
    if swept is not None:
        (tmp_path / "sweep.json").write_text(json.dumps({"jobs": [], "swept": {"optimizer.lr": swept}}))
    axes = Figure().subplots()
    _positions(axes, values, sampled_scale(rows_of(tmp_path), "optimizer.lr"))
    assert axes.get_xscale() == scale


def test_the_legend_of_a_panel_is_outside_of_it(tmp_path):
    rows = optimizers(tmp_path)
    figure = Figure()
    axes = figure.subplots()
    _draw_swept(axes, rows, "model.name", "validation/accuracy")
    figure.savefig(io.BytesIO())
    legend = axes.get_legend().get_window_extent()
    assert legend.y0 >= axes.get_window_extent().y1 - 1
