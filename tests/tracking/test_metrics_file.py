import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dl_runner.errors import UserError
from dl_runner.tracking.metrics_file import METRICS, MetricsFile, read_metrics
from dl_runner.tracking.tracker import RunInfo


def run(folder, first_step=0) -> RunInfo:
    return RunInfo(folder, {}, {}, steps=100, steps_per_epoch=10, first_step=first_step)


def log(folder, steps, first_step=0):
    tracker = MetricsFile()
    tracker.start(run(folder, first_step))
    for step in steps:
        tracker.log(step, step / 10, {"train/loss": 1 / step}, milestone=False)
    return tracker


def test_rows_are_on_disk_before_the_run_ends(tmp_path):
    tracker = log(tmp_path, [1, 2])
    first, second = read_metrics(tmp_path / METRICS)
    tracker.finish("completed", {})
    assert (second["step"], second["epoch"], second["train/loss"]) == (2, 0.2, 0.5)
    assert first["time"] <= second["time"]


@settings(max_examples=25, deadline=None)
@given(value=st.floats())
def test_every_number_comes_back(tmp_path_factory, value):
    folder = tmp_path_factory.mktemp("run")
    tracker = log(folder, [])
    tracker.log(1, 0.1, {"train/loss": value}, milestone=True)
    tracker.finish("failed", {})
    [row] = read_metrics(folder / METRICS)
    assert row["train/loss"] == value or (math.isnan(value) and math.isnan(row["train/loss"]))


def test_a_resumed_run_drops_what_it_measures_again_and_a_line_cut_short(tmp_path):
    log(tmp_path, [1, 2, 3, 4]).finish("interrupted", {})
    path = tmp_path / METRICS
    before = path.read_text().splitlines()
    with path.open("a") as file:
        file.write('{"step": 5, "epo')
    assert [row["step"] for row in read_metrics(path)] == [1, 2, 3, 4]
    log(tmp_path, [3, 4, 5], first_step=2).finish("completed", {})
    assert [row["step"] for row in read_metrics(path)] == [1, 2, 3, 4, 5]
    assert path.read_text().splitlines()[:2] == before[:2]
    assert [entry.name for entry in tmp_path.iterdir()] == [METRICS]


def test_a_resumed_run_drops_the_final_test_that_its_checkpoint_does_not_know(tmp_path):
    tracker = log(tmp_path, [1, 2])
    tracker.log(2, 0.2, {"test/loss": 1.0}, milestone=False)
    tracker.finish("failed", {})
    log(tmp_path, [], first_step=2).log(2, 0.2, {"test/loss": 1.0}, milestone=False)
    assert [(row["step"], "test/loss" in row) for row in read_metrics(tmp_path / METRICS)] == [
        (1, False),
        (2, False),
        (2, True),
    ]


@pytest.mark.parametrize("line", ["{", "[1]", '{"step": "x"}'])
def test_damage_before_the_last_line_is_named(tmp_path, line):
    path = tmp_path / METRICS
    path.write_text('{"step": 1}\n' + line + '\n{"step": 3}\n')
    with pytest.raises(UserError, match=r"metrics\.jsonl, line 2"):
        read_metrics(path)


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(UserError, match=r"metrics\.jsonl"):
        read_metrics(tmp_path / METRICS)
