"""The callbacks of the package, each in a small run."""

import csv
import inspect
import json
from types import SimpleNamespace

import pytest
import torch
import yaml
from helpers import rows, run
from PIL import Image
from safetensors.torch import load_file

from dl_runner.callbacks import progress_file, time_limit
from dl_runner.callbacks.ema import ExponentialMovingAverage
from dl_runner.config.search_path import CONF, choices
from dl_runner.config.types import arguments
from dl_runner.errors import UserError
from dl_runner.registry import builder
from dl_runner.running.inference import evaluate_run, predict_split
from dl_runner.training.checkpoint import Checkpoints

SMALL = ("model=softmax", "data.limit=100", "data.batch_size=40", "trainer.epochs=2")  # 3 steps an epoch


@pytest.mark.parametrize("name", choices("callback"))
def test_a_yaml_holds_the_builders_keywords_with_their_defaults(name):
    content = yaml.safe_load((CONF / "callback" / f"{name}.yaml").read_text())
    function = builder("callback", name)
    defaults = {key: one.default for key, one in inspect.signature(function).parameters.items()}
    assert arguments(function, content[name], name) == defaults and list(content) == [name]


class Clock:
    """Seconds that pass from one look to the next."""

    def __init__(self, step):
        self.now, self.step = 0.0, step

    def monotonic(self):
        self.now += self.step
        return self.now


def test_a_time_limit_ends_the_run_after_the_step_in_which_it_is_reached(tmp_path, monkeypatch):
    monkeypatch.setattr(time_limit, "time", Clock(10))  # one look at the start, one after each step
    done = run(tmp_path, *SMALL, "callback=time_limit", "callback.time_limit.minutes=0.6").record
    assert (done["status"], done["step"]) == ("completed", 4)
    assert [row["step"] for row in rows(done.folder) if "validation/loss" in row] == [3, 4]
    saved = torch.load(Checkpoints(done.folder).last, weights_only=True)["state"]["callback.time_limit"]
    assert saved["seconds"] >= 40


def test_a_resumed_run_has_what_is_left_of_its_time(monkeypatch):
    monkeypatch.setattr(time_limit, "time", Clock(10))
    limit, stopped = time_limit.time_limit(minutes=1), []
    limit.load_state_dict({"seconds": 45.0})
    view = SimpleNamespace(stop=stopped.append)
    limit.start(view)
    limit.after_step(view)
    assert not stopped
    limit.after_step(view)
    assert stopped == ["callback.time_limit.minutes=1 are over"]


def test_a_progress_file_says_where_the_run_is(tmp_path, monkeypatch):
    found = []

    def noted(path, text):
        found.append(json.loads(text))
        path.write_text(text)

    monkeypatch.setattr(progress_file, "time", Clock(1))
    monkeypatch.setattr(progress_file, "write_atomic", noted)
    done = run(tmp_path, *SMALL, "callback=progress_file", "callback.progress_file.seconds=0").record
    assert [(one["step"], one["status"]) for one in found] == [
        *((step, "running") for step in (0, 1, 2, 3, 3, 4, 5, 6, 6)),
        (6, "completed"),
    ]
    assert found[0]["seconds_left"] is None and found[2]["seconds_left"] == pytest.approx((6 - 1) / 2 * 4)
    assert found[4]["metrics"]["validation/loss"] > 0 and found[-1]["metrics"].keys() >= {"test/loss"}
    assert json.loads((done.folder / "progress.json").read_text()) == found[-1]
    assert (found[-1]["epoch"], found[-1]["epochs"], found[-1]["steps"]) == (2, 2, 6)


def test_csv_predictions_are_those_of_predict_with_the_weights_of_that_step(tmp_path):
    folder = run(tmp_path, *SMALL, "callback=csv_predictions", "trainer.evaluate_batches=1").record.folder
    assert sorted(path.name for path in (folder / "predictions").iterdir()) == ["3.csv", "6.csv"]
    with (folder / "predictions" / "6.csv").open(newline="") as file:
        found = list(csv.DictReader(file))
    wanted = predict_split(folder, "validation", "last", {}).rows
    assert found == [{name: str(value) for name, value in row.items()} for row in wanted] and len(found) == 144


def test_a_confusion_matrix_is_drawn_of_the_evaluations_own_counts(tmp_path, monkeypatch):
    seen = []
    from dl_runner.callbacks import confusion_matrix

    drawn = confusion_matrix.drawn
    monkeypatch.setattr(
        confusion_matrix, "drawn", lambda counts, names: seen.append(counts.copy()) or drawn(counts, names)
    )
    folder = run(tmp_path, *SMALL, "callback=confusion_matrix").record.folder
    accuracies = [row["validation/accuracy"] for row in rows(folder) if "validation/accuracy" in row]
    assert [counts.trace() / counts.sum() for counts in seen] == pytest.approx(accuracies)
    for step in (3, 6):
        assert Image.open(folder / "confusion_matrix" / f"{step}.png").size[0] > 100


def test_a_confusion_matrix_is_for_classes(tmp_path):
    with pytest.raises(UserError, match="callback=confusion_matrix: is for classes"):
        run(tmp_path, "data=noisy_cubic", "model=linear", "trainer.steps=1", "callback=confusion_matrix")


def test_the_moving_average_is_the_formula_and_its_metrics_are_those_of_its_file(tmp_path, monkeypatch, double):
    weights, after_step = [], ExponentialMovingAverage.after_step

    def noted(self, run):
        weights.append({name: value.clone() for name, value in run.model.state_dict().items()})
        after_step(self, run)

    monkeypatch.setattr(ExponentialMovingAverage, "after_step", noted)
    options = (*SMALL, "callback=ema", "callback.ema.decay=0.3", "trainer.test=last")
    folder = run(tmp_path, *options).record.folder
    average = dict(weights[0])
    for n, now in enumerate(weights[1:], 1):
        decay = min(0.3, (1 + n) / (10 + n))
        average = {name: decay * average[name] + (1 - decay) * now[name] for name in now}
    found = load_file(folder / "checkpoints" / "ema.safetensors")
    assert len(weights) == 6 and found.keys() == average.keys()
    for name, value in found.items():
        torch.testing.assert_close(value, average[name], rtol=1e-12, atol=1e-12)
    last = [row for row in rows(folder) if "validation/ema_loss" in row][-1]
    measured = evaluate_run(folder, "validation", "ema").metrics
    assert measured["validation/loss"] == pytest.approx(last["validation/ema_loss"])
