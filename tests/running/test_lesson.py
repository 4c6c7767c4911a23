"""How a lesson is held: its arms, what is read back or resumed, its folder, and how it ends."""

import json
import signal

import pytest
import torch
from lesson_runs import LessonRun, assert_picture, checked

from dl_runner.cli.app import run
from dl_runner.errors import Interrupted, RunFailed, UserError
from dl_runner.registry import register
from dl_runner.running.lesson import Arm, Lesson, go_on, teach
from dl_runner.tracking.run_folder import RunRecord

SMALL = (
    *("data=synthetic_regression", "model=linear", "init=default", "data.examples=80", "data.test_examples=20"),
    *("trainer.epochs=3", "trainer.checkpoint_every=1 epoch", "tracker.tensorboard=false"),
)
CLOCKS = ("examples_per_second", "memory_gib")


def lesson(folder, *overrides) -> Lesson:
    return Lesson(checked(*SMALL, *overrides), folder)


def lesson_of(*overrides):
    return checked(*SMALL, "lesson={name:two_rates}", *overrides)


class Probe:
    """What the lesson of these tests shall do beside its work, and what has become of it."""

    stop_at: int | None = None
    breaks = False
    arms: tuple[Arm, ...] = ()


@pytest.fixture
def probe(monkeypatch):
    """Registers the lesson `two_rates`; each test gets a fresh one."""
    from matplotlib.figure import Figure

    from dl_runner import registry

    monkeypatch.setattr(registry, "_registered", dict(registry._registered))
    probe = Probe()

    def watch(model):
        probe.stop_at = None if probe.stop_at is None else probe.stop_at - 1
        if probe.stop_at == 0:
            signal.raise_signal(signal.SIGINT)
        return {"bias": model[1].bias.item()}

    @register("lesson")
    def two_rates(lesson, *, rates: list[float] = (0.01, 0.1)):
        probe.arms = tuple(lesson.train(f"lr {rate:g}", {"optimizer.lr": rate}, watch) for rate in rates)
        if probe.breaks:
            raise ZeroDivisionError("drawn badly")
        figure = Figure(figsize=(14, 4))
        figure.subplots().plot(*probe.arms[0].curve("validation/loss"))
        return figure

    return probe


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"modle.hidden": [3]}, r"modle.hidden=\[3\]: the config has no section modle; did you mean model\?"),
        ({"optimizer.lr.first": 1}, "optimizer.lr.first=1: the config has no section lr"),
        ({"trainer.epoch": 3}, r"trainer.epoch=3: no such key; did you mean epochs\?"),
        ({"trainer.epochs": "abc"}, "trainer.epochs=abc: expected"),
        ({"learning_rate": 1}, "learning_rate=1: no such key"),
        ({"optimizer.rate": 1}, "optimizer.rate=1: sgd has no such parameter"),
        ({"model.width": 1}, "model.width=1: linear has no such parameter"),
        ({"model": {"name": "lenet"}}, "model=lenet: needs images"),
    ],
)
def test_a_change_that_does_not_fit_is_refused_before_there_is_an_arm(tmp_path, changes, message):
    with pytest.raises(UserError, match=message):
        lesson(tmp_path).train("arm", changes)
    assert not (tmp_path / "arms").exists() or not list((tmp_path / "arms").iterdir())


def test_a_change_leaves_the_lesson_and_its_other_keys_as_they_are(tmp_path):
    one = lesson(tmp_path, "lesson={name:two_rates}")
    changed = one.change({"optimizer": {"name": "adam"}, "data.batch_size": 7, "seed": 3})
    assert changed.optimizer.name == "adam" and changed.optimizer.arguments == {}  # a section as a whole
    assert (changed.data.batch_size, changed.seed, changed.lesson) == (7, 3, None)
    assert changed.data.arguments == one.config.data.arguments and changed.trainer == one.config.trainer
    assert (one.config.optimizer.name, one.config.data.batch_size) == ("sgd", 10) and one.config.lesson is not None


def test_an_arm_has_what_its_run_folder_says(tmp_path):
    one = lesson(tmp_path)
    arm = one.train("λ = 0.1, few", {"data.examples": 40}, lambda model: {"bias": model[1].bias.item()})
    (folder,) = (tmp_path / "arms").iterdir()
    record = RunRecord.load(folder)
    assert arm.metrics == record["metrics"] and arm.config.data.arguments["examples"] == 40 and not arm.diverged
    assert one.step == record["step"] and one.metrics["λ = 0.1, few: test/loss"] == arm.metrics["test/loss"]
    steps, biases = arm.curve("train/bias", "step")
    assert steps == sorted(steps) and steps[-1] == one.step and biases[-1] == arm.model[1].bias.item()
    epochs, losses = arm.curve("validation/loss")
    assert epochs == [1, 2, 3] and losses[-1] == arm.metrics["validation/loss"]
    before = lesson(tmp_path / "other").initial(arm.config)
    torch.manual_seed(arm.config.seed)
    assert torch.equal(before[1].weight, torch.nn.Linear(2, 1).weight)
    assert not torch.equal(before[1].weight, arm.model[1].weight) and not before.training and not arm.model.training


def test_a_completed_arm_is_read_back_and_not_trained_again(tmp_path):
    first = lesson(tmp_path).train("arm")
    files = {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}

    def watch(model):
        raise AssertionError("trained again")

    second = lesson(tmp_path).train("arm", watch=watch)
    assert {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()} == files
    assert (second.metrics, second.rows) == (first.metrics, first.rows)
    assert all(torch.equal(a, b) for a, b in zip(first.model.parameters(), second.model.parameters(), strict=True))


def test_an_arm_that_was_killed_before_its_first_checkpoint_begins_anew(tmp_path):
    folder = tmp_path / "arms" / "arm"
    folder.mkdir(parents=True)
    RunRecord.start(folder, command=[], seed=0, device="cpu", precision="fp32")
    (folder / "metrics.jsonl").write_text('{"step": 1, "epoch": 0.1, "train/loss": 9')
    arm = lesson(tmp_path).train("arm")
    assert arm.curve("train/loss") == lesson(tmp_path / "other").train("arm").curve("train/loss")
    assert RunRecord.load(folder)["status"] == "completed" and [*folder.parent.iterdir()] == [folder]


def test_a_divergence_is_a_result_where_the_lesson_says_so(tmp_path):
    changes = {"optimizer.lr": 1e6, "trainer.log_every": "1 steps"}
    with pytest.raises(RunFailed, match=r"the loss is (NaN|infinite) at step"):
        lesson(tmp_path).train("arm", changes)
    one = lesson(tmp_path)
    for _ in range(2):  # the second time as when the lesson goes on
        arm = one.train("arm", changes, may_diverge=True)
        assert arm.diverged and arm.model is None and arm.metrics == {} == one.metrics
        assert 0 < len(arm.rows) == len(arm.curve("train/loss")[0]) < 20


def test_another_failure_is_none_of_a_lessons_results(tmp_path):
    def watch(model):
        raise ZeroDivisionError("measured badly")

    with pytest.raises(RunFailed, match="ZeroDivisionError: measured badly"):
        lesson(tmp_path).train("arm", watch=watch, may_diverge=True)


def without_clocks(metrics: dict) -> dict:
    return {name: value for name, value in metrics.items() if not name.endswith(CLOCKS)}


def test_an_interrupted_lesson_goes_on_to_the_same_end(tmp_path, probe):
    teach(lesson_of(), tmp_path, "whole")
    probe.stop_at = len(probe.arms[0].curve("train/bias")[0]) + 7  # in the second arm, after its first checkpoint
    with pytest.raises(Interrupted, match=r"go on with: dlrun resume .*stopped$"):
        teach(lesson_of(), tmp_path, "stopped")
    stopped = LessonRun(tmp_path / "stopped")
    assert stopped.record["status"] == "interrupted" and not (stopped.folder / "picture.png").exists()
    states = {path.name: RunRecord.load(path)["status"] for path in (stopped.folder / "arms").iterdir()}
    assert states == {"lr_0.01": "completed", "lr_0.1": "interrupted"}

    go_on(stopped.folder)
    record, whole = stopped.record, LessonRun(tmp_path / "whole").record
    assert (record["status"], record["step"]) == ("completed", whole["step"]) and len(record["resumed"]) == 1
    assert without_clocks(record["metrics"]) == without_clocks(whole["metrics"]) and whole["metrics"]
    for name in states:
        assert stopped.curve(name, "train/bias") == LessonRun(tmp_path / "whole").curve(name, "train/bias")
    assert (stopped.folder / "picture.png").exists()


def command(tmp_path, *overrides, lesson="{name:two_rates}") -> list[str]:
    options = ("device=cpu", "device.threads=1", "tracker.console=none", f"outputs={tmp_path}")
    return [*SMALL, f"lesson={lesson}", *options, *overrides]


def only(folder):
    (found,) = folder.iterdir()
    return found


def test_a_lesson_has_its_folder_in_outputs_lessons_name_time(tmp_path, probe):
    assert run(command(tmp_path, "tracker.tensorboard=true", lesson="{name:two_rates,rates:[0.02]}")) == 0
    folder = only(tmp_path / "lessons" / "two_rates")
    names = {path.name for path in folder.iterdir()}
    assert names >= {"arms", "config.yaml", "run.json", "log.txt", "picture.png"}
    assert only(folder / "arms").name == "lr_0.02"
    record = LessonRun(folder).record
    assert record["status"] == "completed" and record["command"][0] == "dlrun"
    assert record["metrics"] == {f"lr 0.02: {name}": value for name, value in probe.arms[0].metrics.items()}
    assert_picture(folder, "two_rates")


def test_a_sweep_of_lessons_has_a_folder_for_each_job(tmp_path, probe):
    options = (f"outputs={tmp_path}", "sweep.name=lessons", "trainer.epochs=1", "seed=0,1")
    assert run(["-m", *command(tmp_path, *options, lesson="{name:two_rates,rates:[0.02]}")]) == 0
    assert {path.name for path in (tmp_path / "sweeps" / "lessons").iterdir()} >= {"0_seed=0", "1_seed=1"}
    picture = tmp_path / "sweeps" / "lessons" / "1_seed=1" / "picture.png"
    assert picture.exists()
    picture.unlink()
    (tmp_path / "sweeps" / "lessons" / "0_seed=0" / "run.json").unlink()  # as if stopped before it really began
    probe.arms = ()
    assert run(["-m", *command(tmp_path, *options, lesson="{name:two_rates,rates:[0.02]}")]) == 0
    assert (tmp_path / "sweeps" / "lessons" / "0_seed=0" / "picture.png").exists() and len(probe.arms) == 1
    assert not picture.exists()  # it was completed, and is left alone


@pytest.mark.parametrize(
    ("lesson", "override", "message"),
    [
        ("{name:two_rate}", "seed=0", "lesson.name=two_rate: no such lesson; did you mean two_rates?"),
        (
            "{name:two_rates,rate:[1]}",
            "seed=0",
            "lesson.rate=[1]: two_rates has no such parameter; did you mean rates?",
        ),
        ("{name:two_rates,rates:0.1}", "seed=0", "lesson.rates=0.1: expected a list of a number"),
        ("{name:two_rates}", "+model.width=3", "+model.width=3: model=linear has no width"),
        ("{name:two_rates}", "trainer.epochs=abc", "trainer.epochs=abc: expected"),
        ("{name:two_rates}", "loss=cross_entropy", "loss=cross_entropy: is for classes"),
    ],
)
def test_a_mistake_ends_with_2_and_leaves_no_folder(tmp_path, probe, capsys, lesson, override, message):
    assert run(command(tmp_path, override, lesson=lesson)) == 2
    assert capsys.readouterr().err.splitlines()[-1].startswith(f"dlrun: {message}")
    assert not (tmp_path / "lessons").exists()


@pytest.mark.parametrize(
    ("rates", "breaks", "message"),
    [("[0.1]", True, "ZeroDivisionError: drawn badly"), ("[0.1,1e6]", False, "the loss is")],
)
def test_a_broken_lesson_ends_with_1_and_says_why(tmp_path, probe, capsys, rates, breaks, message):
    probe.breaks = breaks
    assert run(command(tmp_path, lesson=f"{{name:two_rates,rates:{rates}}}")) == 1
    assert message in capsys.readouterr().err
    record = LessonRun(only(tmp_path / "lessons" / "two_rates")).record
    assert record["status"] == "failed" and message in record["traceback"]
    assert "lr 0.1: test/loss" in record["metrics"]  # of the arm that was completed before


def test_an_interrupted_lesson_ends_with_130_and_is_resumed_by_the_command_line(tmp_path, probe, capsys):
    probe.stop_at = 7
    assert run(command(tmp_path)) == 130
    folder = only(tmp_path / "lessons" / "two_rates")
    told = capsys.readouterr().err
    assert "dlrun: stopped at step" in told and told.endswith(f"; go on with: dlrun resume {folder}\n")
    assert run(["resume", str(folder)]) == 0
    assert json.loads((folder / "run.json").read_text())["status"] == "completed" and len(probe.arms) == 2
    assert run(["resume", str(folder)]) == 0 and "already completed" in capsys.readouterr().out
