"""The loop against a hand-written one, and against itself under other cuts."""

import functools
import json

import pytest
import torch
from helpers import EXACT, rows, run
from loaders import loader_of
from safetensors.torch import load_file
from torch.nn import functional as F

from dl_runner.build.experiment import build_experiment
from dl_runner.build.training import build_training
from dl_runner.config.check import check_config
from dl_runner.config.compose import compose
from dl_runner.config.stored import to_plain
from dl_runner.errors import Interrupted, RunFailed, UserError
from dl_runner.running.launch import resume
from dl_runner.runtime.interrupt import StopRequest
from dl_runner.tracking.tracker import Tracker
from dl_runner.training.checkpoint import Checkpoints
from dl_runner.training.loop import train
from dl_runner.training.showing import track

COMMON = ("data.batch_size=32", "trainer.steps=12", "trainer.log_every=4 steps", "trainer.evaluate_every=12 steps")


def make(tmp_path, *overrides, tracker=None):
    """The Training that `dlrun OVERRIDES` would run, with its checkpoints below tmp_path."""
    checked = check_config(to_plain(compose([*EXACT, *overrides])))
    experiment = build_experiment(checked)
    training = build_training(experiment)
    training.checkpoints = Checkpoints(tmp_path)
    training.tracker = tracker or Tracker()
    return training, experiment.data


def weights(training):
    return {name: value.clone() for name, value in training.model.state_dict().items()}


def test_equals_a_hand_written_loop(double, tmp_path):
    training, data = make(tmp_path, "model=mlp", "optimizer.lr=0.2", "trainer.epochs=2", "data.batch_size=100")
    start = weights(training)
    train(training, StopRequest())

    model = torch.nn.Sequential(
        torch.nn.Flatten(), torch.nn.Linear(784, 256), torch.nn.ReLU(), torch.nn.Linear(256, 10)
    )
    model.load_state_dict(dict(zip(model.state_dict(), start.values(), strict=True)))
    source = loader_of(data.train, data.spec, 100, shuffle=True, seed=0)
    for epoch in range(2):
        for batch in source.epoch(epoch):
            loss = F.cross_entropy(model(batch.inputs), batch.targets)
            gradients = torch.autograd.grad(loss, list(model.parameters()))
            with torch.no_grad():
                for parameter, gradient in zip(model.parameters(), gradients, strict=True):
                    parameter -= 0.2 * gradient
    for ours, theirs in zip(training.model.parameters(), model.parameters(), strict=True):
        torch.testing.assert_close(ours, theirs, rtol=1e-11, atol=1e-11)


@pytest.mark.parametrize("parts", [2, 3, 32])
def test_accumulating_makes_the_same_step(parts, double, tmp_path):
    # More than an epoch: the last batch is a small one.
    common = ("data.limit=200", "data.batch_size=32", "trainer.steps=8", "optimizer.lr=0.01")
    whole, _ = make(tmp_path, *common)
    train(whole, StopRequest())
    cut, _ = make(tmp_path, *common, f"trainer.accumulate={parts}")
    train(cut, StopRequest())
    for ours, theirs in zip(cut.model.parameters(), whole.model.parameters(), strict=True):
        torch.testing.assert_close(ours, theirs, rtol=1e-11, atol=1e-11)


def test_clipping_bounds_the_step(tmp_path):
    training, _ = make(tmp_path, "trainer.steps=1", "trainer.clip_norm=0.01", "optimizer.lr=1")
    before = weights(training)
    train(training, StopRequest())
    moved = torch.cat([(value - before[name]).flatten() for name, value in training.model.state_dict().items()])
    assert moved.norm().item() == pytest.approx(0.01, rel=1e-3)


def test_the_schedule_sets_the_rate_of_each_step(tmp_path):
    result = run(
        tmp_path, *COMMON, "trainer.log_every=1 steps", "schedule=step", "schedule.every=5 steps", "schedule.factor=0.5"
    )
    rates = [row["train/learning_rate"] for row in rows(result.record.folder) if "train/learning_rate" in row]
    assert rates == pytest.approx([0.1] * 5 + [0.05] * 5 + [0.025] * 2)


def test_a_task_is_told_each_step_before_it_is_made(tmp_path):
    training, _ = make(tmp_path, *COMMON, "model=softmax")
    told, step = [], training.task.step

    def counted(model, batch):
        told.append("made" if model.training else "measured")
        return step(model, batch)

    training.task.step = counted
    training.task.before_step = lambda number, horizon: told.append((number, horizon.steps))
    train(training, StopRequest())
    made = [one for one in told if one != "measured"]
    assert made == [one for number in range(12) for one in ((number, 12), "made")]


class StopAt(Tracker):
    """Asks for a stop after some step."""

    def __init__(self, step, request):
        self.at, self.request = step, request

    def progress(self, step, read):
        if step == self.at:
            self.request.signal_number = 2


@pytest.fixture(scope="module")
def uninterrupted(tmp_path_factory):
    """The Training of two epochs without a stop, and its folder; the same for all that ask with the same options."""

    @functools.cache
    def train_through(*options):
        folder = tmp_path_factory.mktemp("through")
        training, _ = make(folder, *options)
        assert train(training, StopRequest()) == "completed"
        return training, folder

    return train_through


@pytest.mark.parametrize("stop", [1, 4, 13, 16])  # in the first epoch, between reports, at its end, in the second
@pytest.mark.parametrize(
    "extra",
    [
        (),
        ("model.dropout=0.3", "augment=flip_crop", "optimizer=adam", "schedule=cosine"),
        ("optimizer=momentum", "device.precision=bf16", "device.memory_format=channels_last"),
    ],
)
def test_stopped_and_resumed_equals_uninterrupted_bit_for_bit(stop, extra, uninterrupted, tmp_path):
    options = ("data.limit=400", "data.batch_size=32", "trainer.epochs=2", *extra)
    through, whole = uninterrupted(*options)
    assert through.step == 2 * 13

    request = StopRequest()
    first, _ = make(tmp_path, *options, tracker=StopAt(stop, request))
    assert train(first, request) == "interrupted"
    assert first.step == stop
    second, _ = make(tmp_path, *options)
    torch.manual_seed(12345)  # whatever happened in between must not matter
    second.load_state_dict(second.checkpoints.load()["state"])
    assert train(second, StopRequest()) == "completed"

    assert all(
        torch.equal(value, second.model.state_dict()[name]) for name, value in through.model.state_dict().items()
    )
    clocks = {"train/memory_gib", "train/examples_per_second"}
    assert {k: v for k, v in through.metrics.items() if k not in clocks} == {
        k: v for k, v in second.metrics.items() if k not in clocks
    }
    one, other = (load_file(folder / "checkpoints" / "best.safetensors") for folder in (whole, tmp_path))
    assert all(torch.equal(value, other[key]) for key, value in one.items())


def test_a_run_that_fails_after_its_final_test_has_one_when_it_is_resumed(tmp_path, monkeypatch):
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    def track_and_fail(run, place, shown):
        track(run, place, shown)
        if "predictions" in shown:
            raise ZeroDivisionError("on purpose")

    with monkeypatch.context() as patch:
        patch.setattr("dl_runner.running.conduct.track", track_and_fail)
        with pytest.raises(RunFailed, match="on purpose"):
            run(tmp_path, "trainer.epochs=1", "tracker.console=none", *EXACT, quiet=False)
    folder = tmp_path / "run"
    before = rows(folder)
    assert "test/accuracy" in before[-1]
    resume(folder)
    assert rows(folder) == before
    events = EventAccumulator(str(folder), size_guidance={"images": 0}).Reload()
    assert len(events.Scalars("test/accuracy")) == len(events.Images("test/confusion")) == 1


def test_a_diverging_run_names_the_step_and_keeps_the_last_good_checkpoint(tmp_path):
    with pytest.raises(
        RunFailed, match=r"the loss is (NaN|infinite) at step \d+; the last good checkpoint is .*last.pt"
    ):
        run(
            tmp_path,
            "optimizer.lr=1e-3",
            "schedule=step",
            "schedule.every=30 steps",
            "schedule.factor=1e12",
            "trainer.epochs=3",
        )
    folder = tmp_path / "run"
    record = json.loads((folder / "run.json").read_text())
    assert record["status"] == "failed"
    assert "Diverged" in record["traceback"]
    state = torch.load(folder / "checkpoints" / "last.pt", weights_only=True)["state"]
    assert all(value.isfinite().all() for value in state["model"].values())
    named = int(record["traceback"].rpartition("at step ")[2].split()[0].rstrip(".,;"))
    assert state["progress"]["step"] < 31 <= named <= 34


def test_early_stopping_ends_the_run_and_the_best_weights_are_tested(tmp_path):
    result = run(
        tmp_path,
        "model=mlp",
        "regularization=early_stopping",
        "regularization.early_stopping=2",
        "trainer.epochs=60",
    )
    folder = result.record.folder
    accuracies = [row["validation/accuracy"] for row in rows(folder) if "validation/accuracy" in row]
    assert len(accuracies) < 60
    best = max(accuracies)
    assert accuracies.index(best) == len(accuracies) - 3
    assert result.objective == best == result.record["metrics"]["validation/accuracy"]


def test_the_test_set_is_used_once_unless_asked(tmp_path):
    short = ("data.limit=128", "trainer.epochs=3")
    result = run(tmp_path / "once", *short)
    assert sum("test/accuracy" in row for row in rows(result.record.folder)) == 1
    result = run(tmp_path / "every", *short, "trainer.test=every")
    assert sum("test/accuracy" in row for row in rows(result.record.folder)) == 3
    result = run(tmp_path / "never", *short, "trainer.test=never")
    assert not any("test/accuracy" in row for row in rows(result.record.folder))
    assert "test/accuracy" not in result.record["metrics"]


def test_linear_regression_recovers_the_weights(tmp_path):
    result = run(tmp_path, "experiment=notes/linear_regression", "seed=1")
    learned = load_file(result.record.folder / "checkpoints" / "last.safetensors")
    weight, bias = (value.flatten().tolist() for value in sorted(learned.values(), key=len)[::1])
    found = sorted([*weight, *bias])
    assert found == pytest.approx([-3.4, 2.0, 4.2], abs=1e-3)


def test_profile_writes_a_trace(tmp_path):
    folder = run(tmp_path, "debug=profile", "trainer.steps=8").record.folder
    trace = json.loads((folder / "profile" / "trace.json").read_text())
    assert any("conv" in event.get("name", "") for event in trace["traceEvents"])


def test_overfit_drives_one_batch_to_zero_loss(tmp_path):
    assert run(tmp_path, "debug=overfit").record["metrics"]["train/loss"] < 0.01


def test_a_completed_run_is_not_resumed_and_a_foreign_folder_neither(tmp_path):
    folder = run(tmp_path, "debug=fast").record.folder
    with pytest.raises(UserError, match="already completed"):
        resume(folder)
    with pytest.raises(UserError, match=r"config\.yaml: cannot be read"):
        resume(tmp_path)


def test_interrupted_is_no_ordinary_exception():
    # `except Exception` of a launcher must not swallow a user's wish to stop.
    assert not issubclass(Interrupted, Exception)
