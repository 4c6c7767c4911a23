"""Callbacks: when which is called, where, what is saved of them, and how they end a run."""

import logging

import pytest
import torch
from helpers import rows, run
from safetensors.torch import load_file

from dl_runner import registry
from dl_runner.build.experiment import build_experiment
from dl_runner.build.training import build_training
from dl_runner.config.check import check_config
from dl_runner.config.compose import compose
from dl_runner.config.stored import to_plain
from dl_runner.errors import RunFailed, UserError
from dl_runner.parallel.process_group import ProcessGroup
from dl_runner.running import conduct
from dl_runner.running.launch import resume
from dl_runner.tracking.run_folder import RunRecord
from dl_runner.training.callbacks import Callbacks
from dl_runner.training.hooks import Hooks

SMALL = ("model=softmax", "data.limit=100", "data.batch_size=40", "trainer.epochs=3")  # 3 steps an epoch
NAMES = ("check", "start", "after_step", "after_evaluation", "end")


@pytest.fixture(autouse=True)
def clean(monkeypatch):
    monkeypatch.setattr(registry, "_registered", {})


class Told:
    """Notes what it is told; may do something at a step."""

    def __init__(self, at=None, act=None):
        self.events, self.at, self.act = [], at, act

    def check(self, run):
        self.events.append("check")

    def start(self, run):
        self.events.append(("start", run.step))

    def after_step(self, run):
        self.events.append(run.step)
        if run.step == self.at:
            self.act(run)

    def after_evaluation(self, run, metrics):
        assert run.epoch == run.step / run.horizon.steps_per_epoch and metrics["validation/loss"] > 0
        self.events.append(("evaluated", run.step))
        return {"validation/steps": float(run.step)}

    def end(self, run, status):
        assert (run.folder / "run.json").exists()
        self.events.append((status, "test/loss" in run.metrics))


class Counter:
    """A state of every kind that a checkpoint takes, from the steps and the weights."""

    def __init__(self):
        self.count, self.sums = 0, torch.zeros(3)

    def after_step(self, run):
        self.count += 1
        weights = next(run.model.parameters()).detach()
        self.sums = 0.9 * self.sums + torch.stack([weights.sum(), weights.abs().sum(), weights.norm()])

    def after_evaluation(self, run, metrics):
        return {"validation/count": float(self.count), "validation/sums": self.sums.sum().item()}

    def state_dict(self):
        return {"count": self.count, "sums": self.sums, "names": ["a", None, (1.5, True)]}

    def load_state_dict(self, state):
        assert state["names"] == ["a", None, (1.5, True)]
        self.count, self.sums = state["count"], state["sums"]


def added(*callbacks):
    """Overrides that add these to a run, one after the other."""
    for number, callback in enumerate(callbacks):
        registry.register("callback", f"own{number}")(lambda callback=callback: callback)
    return [f"+callback.own{number}.builder=own{number}" for number in range(len(callbacks))]


def built(*overrides):
    checked = check_config(to_plain(compose(["tracker.console=none", "device=cpu", *SMALL, *overrides])))
    return build_training(build_experiment(checked))


def test_without_callbacks_nothing_is_there_to_be_called():
    training = built()
    assert type(training.callbacks) is Hooks and not [name for name in training.state if name.startswith("callback")]


def test_the_hooks_come_in_their_order_and_what_they_return_is_reported(tmp_path):
    told = Told()
    done = run(tmp_path, *SMALL, *added(told))
    one = [1, 2, 3, ("evaluated", 3), 4, 5, 6, ("evaluated", 6), 7, 8, 9, ("evaluated", 9)]
    assert told.events == ["check", ("start", 0), *one, ("completed", True)]
    assert [row["validation/steps"] for row in rows(done.record.folder) if "validation/steps" in row] == [3, 6, 9]


def test_a_run_with_callbacks_computes_what_one_without_computes(tmp_path):
    with_them = run(tmp_path / "with", *SMALL, *added(Told(), Counter()), "callback=[ema,csv_predictions]")
    alone = run(tmp_path / "without", *SMALL)
    weights = [load_file(one.record.folder / "checkpoints" / "last.safetensors") for one in (with_them, alone)]
    assert all(torch.equal(weights[0][name], weights[1][name]) for name in weights[1])


def test_killed_within_an_epoch_and_resumed_is_bit_for_bit_the_same(tmp_path):
    options = (*SMALL, "callback=ema", "callback.ema.decay=0.9", "trainer.checkpoint_every=2 steps")
    whole = run(tmp_path / "whole", *options, *added(Counter())).record.folder

    def fall(run):
        raise OSError("the power failed")

    told = Told(5, fall)
    with pytest.raises(RunFailed, match="the power failed"):
        run(tmp_path / "cut", *options, *added(Counter(), told))
    assert told.events[-1] == ("failed", False)
    folder = tmp_path / "cut" / "run"
    assert (RunRecord.load(folder)["status"], RunRecord.load(folder)["step"]) == ("failed", 5)
    again = Told()
    added(Counter(), again)
    resume(folder)
    assert again.events[:3] == ["check", ("start", 4), 5]

    def without_told(found):
        return [{key: value for key, value in row.items() if key != "validation/steps"} for row in found]

    assert without_told(rows(folder)) == rows(whole)
    for name in ("ema", "last", "best"):
        ours, theirs = (load_file(one / "checkpoints" / f"{name}.safetensors") for one in (folder, whole))
        assert ours.keys() == theirs.keys() and all(torch.equal(ours[key], theirs[key]) for key in ours)


def test_stopping_evaluates_tests_and_completes_also_after_a_kill_in_the_test(tmp_path, monkeypatch, caplog):
    told, test = Told(4, lambda run: run.stop("enough")), conduct._test

    def killed(*arguments):
        raise RunFailed("killed in the test")

    monkeypatch.setattr(conduct, "_test", killed)
    with pytest.raises(RunFailed, match="killed in the test"):
        run(tmp_path, *SMALL, *added(told))
    assert told.events[-2:] == [("evaluated", 4), ("failed", False)]
    monkeypatch.setattr(conduct, "_test", test)
    with caplog.at_level(logging.INFO, "dl_runner"):
        done = resume(tmp_path / "run").record
    assert "stopped at step 4: enough" in caplog.text
    assert (done["status"], done["step"]) == ("completed", 4) and "test/loss" in done["metrics"]
    with pytest.raises(UserError, match=r"was ended by a callback \(enough\), .*: dlrun continue .* trainer.epochs=9"):
        resume(tmp_path / "run", length=["trainer.epochs=9"])


def test_a_state_that_could_not_be_loaded_again_is_refused_when_it_is_saved(tmp_path):
    counter = Counter()
    counter.state_dict = lambda: {"seen": [{1: object()}]}
    with pytest.raises(RunFailed, match=r"callback\.own0: its state holds a object; a checkpoint takes numbers"):
        run(tmp_path, *SMALL, *added(counter))


def test_a_callback_that_cannot_work_is_told_before_there_is_a_run_folder(tmp_path):
    for choice in ("csv_predictions", "confusion_matrix", "ema"):
        with pytest.raises(UserError, match=f"^callback={choice}: there are no validation data; set data.validation"):
            run(tmp_path, *SMALL, f"callback={choice}", "data.validation=0")
    assert not (tmp_path / "run").exists()


class Second(ProcessGroup):
    """The second process of two, of which the first one says what `first` is."""

    rank, size, first = 1, 2, None

    def gather(self, value):
        return [self.first, value]


class Everywhere(Told):
    everywhere = True


def test_in_another_process_only_those_are_called_that_say_so_and_all_stop_together(monkeypatch):
    training, group = built(), Second()
    monkeypatch.setattr(training.update.strategy, "process_group", group)
    main, everywhere, counter = Told(), Everywhere(), Counter()
    callbacks = Callbacks({"main": main, "all": everywhere, "counter": counter}, training, lambda split: None)
    callbacks.check()
    callbacks.start()
    assert not callbacks.after_step() and callbacks.after_evaluation({"validation/loss": 1.0})
    assert main.events == [] and everywhere.events == ["check", ("start", 0), 0, ("evaluated", 0)]
    assert counter.count == 0 and training.state["callback.counter"].state_dict() == {}
    training.state["callback.counter"].load_state_dict(Counter().state_dict() | {"count": 7})
    assert counter.count == 0
    group.first = "the first process's wish"
    assert callbacks.after_step() and training.progress.stopped == "the first process's wish"


def test_the_main_process_alone_is_not_given_what_needs_all_of_them(monkeypatch):
    training, group = built(), Second()
    group.rank = 0
    monkeypatch.setattr(training.update.strategy, "process_group", group)
    caught = Told(0, lambda run: run.whole_model())
    with pytest.raises(RunFailed, match=r"callback\.mine: whole_model\(\) needs every process; give the callback"):
        Callbacks({"mine": caught}, training, lambda split: None).after_step()
