"""Parts that do not fit each other are refused before there is a run folder."""

from dataclasses import replace

import pytest
import torch
from helpers import QUIET, run
from torch import nn

from dl_runner import registry
from dl_runner.build.experiment import build_experiment
from dl_runner.build.fit import check_fit
from dl_runner.config.check import check_config
from dl_runner.config.compose import compose
from dl_runner.config.stored import to_plain
from dl_runner.data.dataset import Data
from dl_runner.data.splits import TensorSplit
from dl_runner.errors import UserError
from dl_runner.spec import Classes, DataSpec, Numbers, Vector


@pytest.fixture
def add(monkeypatch):
    """Adds a builder to a group for one test."""
    monkeypatch.setattr(registry, "_registered", dict(registry._registered))
    return lambda group, builder: registry.register(group)(builder)


class Flat(nn.Linear):
    """(batch, …) → (batch, out_features); `change` of that comes out."""

    def __init__(self, features, outputs, change=lambda outputs: outputs):
        super().__init__(features, outputs)
        self.change = change

    def forward(self, x):
        return self.change(super().forward(x.flatten(1)))


CHANGES = {
    "wider": (lambda outputs: torch.cat([outputs, outputs], 1), r"\(2, 20\), expected \(2, 10\)"),
    "narrower": (lambda outputs: outputs[:, :9], r"\(2, 9\), expected \(2, 10\)"),
    "flat": (lambda outputs: outputs.flatten(), r"\(20,\), expected \(2, 10\)"),
    "whole": (lambda outputs: outputs.argmax(1, keepdim=True).expand(-1, 10), "int64, expected floats"),
    "one": (lambda outputs: outputs[:1], r"\(1, 10\), expected \(2, 10\)"),
    "tuple": (lambda outputs: (outputs,), "a tuple, expected a tensor"),
    "named": (lambda outputs: {"logits": outputs}, "a dict, expected a tensor"),
}


@pytest.mark.parametrize(("change", "told"), CHANGES.values(), ids=CHANGES)
def test_a_model_whose_outputs_are_not_the_datas_is_refused(tmp_path, add, change, told):
    def odd(data):
        return Flat(64, data.outputs, change)

    add("model", odd)
    with pytest.raises(UserError, match=rf"^model=odd: does not fit data=digits .* for 2 examples it gives .*{told}"):
        run(tmp_path, "model=linear", "model.name=odd", "data.image_size=null")
    assert not list(tmp_path.iterdir())


def test_numbers_that_would_broadcast_against_their_targets_are_refused(tmp_path, add):
    def squeezed(data):
        return Flat(2, 1, lambda outputs: outputs.squeeze(1))

    add("model", squeezed)
    with pytest.raises(UserError, match=r"gives shape \(2,\), expected \(2, 1\): \(examples, 1 number\)"):
        run(tmp_path, "data=synthetic_regression", "model=linear", "model.name=squeezed")


@pytest.mark.parametrize("label", [3, -1])
@pytest.mark.parametrize("split", ["train", "test"])
def test_labels_that_no_class_has_are_refused(tmp_path, add, label, split):
    def numbered(root, *, noise: float, examples: int, test_examples: int):
        spec = DataSpec(Vector(2), Classes(("a", "b", "c")), "classification")
        splits = {name: TensorSplit(torch.zeros(20, 2), torch.arange(20) % 2) for name in ("train", "test")}
        splits[split].targets[7] = label
        return Data(spec, **splits)

    add("data", numbered)
    with pytest.raises(UserError, match=rf"^data=numbered: its {split} split has label {label}, .* 0 to 2$"):
        run(tmp_path, "data=xor", "data.name=numbered", "model=softmax", "data.validation=0")


def test_outputs_in_training_count_too_and_looking_at_them_changes_nothing(tmp_path, add):
    class Moody(nn.Sequential):
        def forward(self, x):
            outputs = super().forward(x)
            return outputs[:, :9] if self.training else outputs

    def moody(data):
        return Moody(nn.Flatten(), nn.Linear(64, data.outputs))

    add("model", moody)
    with pytest.raises(UserError, match=r"for 2 examples in training it gives shape \(2, 9\), expected \(2, 10\)"):
        run(tmp_path, "model=linear", "model.name=moody", "data.image_size=null")


def test_a_look_at_the_outputs_leaves_model_and_task_as_they_were():
    config = check_config(to_plain(compose([*QUIET, "model=bn_lenet", "data.image_size=28"])))
    experiment = build_experiment(config)
    before = {name: value.clone() for name, value in experiment.model.state_dict().items()}
    generator = torch.get_rng_state()
    check_fit(experiment)
    assert all(torch.equal(value, before[name]) for name, value in experiment.model.state_dict().items())
    assert torch.equal(generator, torch.get_rng_state())
    assert all(module.training for module in experiment.model.modules())


def test_a_single_training_example_is_enough(tmp_path):
    run(tmp_path, "model=softmax", "data.limit=1", "data.validation=0", "trainer.steps=1", "trainer.epochs=null")


def test_targets_that_the_task_cannot_learn_from_are_refused_by_their_split(tmp_path, add):
    def positive_in_training(root, *, noise: float, examples: int, test_examples: int):
        spec = DataSpec(Vector(2), Numbers(1), "regression")
        splits = {name: TensorSplit(torch.zeros(20, 2), torch.ones(20, 1)) for name in ("train", "test")}
        splits["test"].targets[7] = -2
        return Data(spec, **splits)

    add("data", positive_in_training)
    options = ("model=linear", "task=regression", "task.target=log", "data.validation=0")
    with pytest.raises(UserError, match=r"^task\.target=log: the test split has a target of -2, .*1 of 20"):
        run(tmp_path, "data=xor", "data.name=positive_in_training", *options)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("method", ["before_step", "state_dict"])
def test_a_task_that_changes_with_the_step_cannot_be_replayed(method):
    experiment = build_experiment(check_config(to_plain(compose([*QUIET, "model=softmax"]))))
    setattr(experiment.task, method, lambda *_: None)
    settings = replace(experiment.device_settings, cuda_graphs=True)
    with pytest.raises(UserError, match=r"^device\.cuda_graphs=on: cannot replay a task that .*; use off$"):
        check_fit(replace(experiment, device_settings=settings))
