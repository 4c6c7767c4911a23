"""Regularization and reactive schedules in the loop: what moves the weights, what is reported, and exact resumption."""

from pathlib import Path

import pytest
import torch
from helpers import rows, run
from test_loop import StopAt
from test_loop import make as make_with_data

from dl_runner.cli.app import run as command
from dl_runner.errors import UserError
from dl_runner.optim.parameter_groups import weights
from dl_runner.runtime.interrupt import StopRequest
from dl_runner.tracking.tracker import Tracker
from dl_runner.training.loop import train
from dl_runner.training.training import Training

COMMON = ("model=mlp", "data.batch_size=32", "trainer.steps=12", "trainer.log_every=4 steps", "trainer.test=never")


def make(folder: Path, *overrides: str, tracker: Tracker | None = None) -> Training:
    """The Training that `dlrun OVERRIDES` would run, with a folder for its checkpoints."""
    (folder / "checkpoints").mkdir(parents=True, exist_ok=True)
    return make_with_data(folder, *overrides, tracker=tracker)[0]


def trained(folder: Path, *overrides: str) -> Training:
    training = make(folder, *COMMON, *overrides)
    train(training, StopRequest())
    return training


def distance(one: Training, other: Training) -> float:
    pairs = zip(one.model.parameters(), other.model.parameters(), strict=True)
    return max((a - b).abs().max().item() for a, b in pairs)


def sparsity(training: Training) -> float:
    return (weights(training.model)[0].abs() < 1e-3).float().mean().item()


@pytest.mark.parametrize("accumulate", [1, 4])
def test_the_l2_penalty_is_weight_decay_for_sgd_and_counts_once_per_step(accumulate, double, tmp_path):
    penalized = trained(tmp_path / "a", "regularization.l2=0.5", f"trainer.accumulate={accumulate}")
    decayed = trained(tmp_path / "b", "regularization.weight_decay=0.5")
    plain = trained(tmp_path / "c")
    assert distance(penalized, decayed) < 1e-12 < 1e-2 < distance(penalized, plain)


def test_adam_with_decoupled_decay_is_adamw(double, tmp_path):
    ours = trained(tmp_path / "a", "optimizer=adam", "regularization.decoupled=5", "schedule=cosine")
    theirs = trained(tmp_path / "b", "optimizer=adamw", "regularization.weight_decay=5", "schedule=cosine")
    other = trained(tmp_path / "c", "optimizer=adam", "regularization.weight_decay=5", "schedule=cosine")
    assert distance(ours, theirs) < 1e-12 < 1e-2 < distance(ours, other)  # a fused step may round in another order


def test_l1_makes_weights_small_and_max_norm_bounds_each_unit(tmp_path):
    assert sparsity(trained(tmp_path / "a", "regularization.l1=0.05")) > 2 * sparsity(trained(tmp_path / "b"))
    limited = trained(tmp_path / "c", "regularization.max_norm=0.5")
    norms = torch.cat([weight.detach().norm(dim=1) for weight in weights(limited.model)])
    assert norms.max().item() == pytest.approx(0.5, rel=1e-4)


def test_the_reported_loss_is_without_penalty_and_the_penalty_beside_it(double, tmp_path):
    options = ("optimizer.lr=1e-9", "regularization.l1=0.1", "regularization.l2=0.2")
    plain = rows(run(tmp_path / "a", *COMMON, "optimizer.lr=1e-9").record.folder)
    rowed = rows(run(tmp_path / "b", *COMMON, *options).record.folder)
    for ours, theirs in zip(rowed, plain, strict=True):
        for name in {"train/loss", "validation/loss"} & set(ours):
            assert ours[name] == pytest.approx(theirs[name], rel=1e-5)
    initial = [weight.detach() for weight in weights(make(tmp_path / "c", *COMMON).model)]
    absolute, squared = (sum(w.abs().pow(power).sum().item() for w in initial) for power in (1, 2))
    assert rowed[0]["train/penalty"] == pytest.approx(0.1 * absolute + 0.2 / 2 * squared, rel=1e-4)
    assert rowed[0]["train/weight_norm"] == pytest.approx(squared**0.5, rel=1e-5)
    assert "train/penalty" not in plain[0] and "train/weight_norm" in plain[0]


def test_label_smoothing_changes_the_steps_and_not_what_the_loss_means(tmp_path):
    first = ("trainer.log_every=1 steps", "trainer.steps=3")
    plain = rows(run(tmp_path / "a", *COMMON, *first).record.folder)
    smoothed = rows(run(tmp_path / "b", *COMMON, *first, "regularization=label_smoothing").record.folder)
    assert smoothed[0]["train/loss"] == plain[0]["train/loss"]
    assert smoothed[-1]["train/loss"] != plain[-1]["train/loss"]


PLATEAU = (
    *("schedule=reduce_on_plateau", "schedule.patience=0", "schedule.factor=0.5", "schedule.cooldown=1"),
    *("trainer.evaluate_every=9 steps", "schedule.threshold=0.05", "optimizer.lr=0.2"),
)
EXACT = {
    "plateau": PLATEAU,
    "constrained": ("regularization.max_norm=0.7", "regularization.decoupled=0.1", "regularization.l1=0.001"),
    "smoothed": ("regularization=label_smoothing", "regularization.l2=0.01", "schedule=noam", "optimizer=adafactor"),
    "averaged": ("optimizer=asgd", "schedule=inverse_time"),
    "rprop": ("optimizer=rprop",),
}


@pytest.mark.parametrize("case", EXACT)
def test_stopped_and_resumed_equals_uninterrupted_bit_for_bit(case, tmp_path):
    options = ("model=mlp", "data.batch_size=32", "trainer.steps=90", *EXACT[case])
    through = make(tmp_path / "through", *options)
    assert train(through, StopRequest()) == "completed"
    for stop in (9, 50):  # after the first evaluation of the plateau, and between two
        resumed = stopped_and_resumed(tmp_path / str(stop), stop, options)
        assert distance(through, resumed) == 0, stop
        clocks = {"train/memory_gib", "train/examples_per_second"}
        assert {k: v for k, v in through.metrics.items() if k not in clocks} == {
            k: v for k, v in resumed.metrics.items() if k not in clocks
        }, stop


def stopped_and_resumed(folder: Path, stop: int, options: tuple[str, ...]) -> Training:
    request = StopRequest()
    first = make(folder, *options, tracker=StopAt(stop, request))
    assert train(first, request) == "interrupted"
    second = make(folder, *options)
    torch.manual_seed(12345)
    second.load_state_dict(second.checkpoints.load()["state"])
    assert train(second, StopRequest()) == "completed"
    return second


def test_the_plateau_lowers_the_rate_when_validation_stops_improving(tmp_path):
    steps = "trainer.steps=90", "trainer.log_every=9 steps"
    table = rows(run(tmp_path, *COMMON, *PLATEAU, *steps).record.folder)
    rates = [row["train/learning_rate"] for row in table]
    accuracies = [row["validation/accuracy"] for row in table]
    factor, best, resting, expected = 1.0, 0.0, False, []
    for accuracy in accuracies:
        expected.append(0.2 * factor)
        better, best = accuracy > best * 1.05, max(best, accuracy) if accuracy > best * 1.05 else best
        if not better and not resting:
            factor, resting = factor / 2, True
        else:
            resting = False
    assert rates == pytest.approx(expected)
    assert rates[-1] < 0.05


@pytest.mark.parametrize(
    ("overrides", "words"),
    [
        (["schedule=reduce_on_plateau", "data.validation=0"], "no validation data to react to; set data.validation"),
        (["schedule=formula", "schedule.expression='1 - epoch'"], "schedule.expression=1 - epoch: is -"),
        (["schedule=multi_step", "schedule.milestones=[3 steps, 2 steps]"], "schedule.milestones: comes to steps"),
        (["loss=perceptron"], "is for two classes, and the data have 10"),
        (["data=synthetic_regression", "model=linear", "regularization=label_smoothing"], "is for classification"),
        (["init=uniform", "init.low=1"], "low must be below high"),
    ],
)
def test_what_cannot_work_with_the_data_ends_before_there_is_a_run_folder(overrides, words, tmp_path):
    with pytest.raises(UserError) as caught:
        run(tmp_path, *overrides)
    assert words in str(caught.value) and "\n" not in str(caught.value)
    assert not any(tmp_path.iterdir())


def test_the_summary_draws_the_schedule_below_the_layers(capsys):
    assert command(["summary", "model=softmax", "trainer.epochs=20"]) == 0
    assert "learning rate" not in capsys.readouterr().out
    assert command(["summary", "model=softmax", "trainer.epochs=20", "schedule=cosine", "optimizer.lr=0.3"]) == 0
    table, _, curve = capsys.readouterr().out.partition("learning rate over 20 epochs, ")
    assert "7,850" in table
    assert "first 0.3, highest 0.3, last " in curve.splitlines()[0] and "0.3 ┤█" in curve
    assert command(["summary", "model=softmax", "schedule=constant"]) == 0
    assert "first 0.1, highest 0.1, last 0.1" in capsys.readouterr().out
