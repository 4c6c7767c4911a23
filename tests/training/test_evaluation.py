"""Evaluation against a direct computation over the whole split."""

import contextlib

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from loaders import loader_of
from specs import labelled
from torch import nn
from torch.nn import functional as F

from dl_runner.data.preparation import to_input
from dl_runner.data.splits import TensorSplit
from dl_runner.errors import Interrupted
from dl_runner.registry import builder
from dl_runner.runtime.device import autocast
from dl_runner.runtime.interrupt import StopRequest
from dl_runner.tasks.classification import classification
from dl_runner.training.evaluation import evaluate as sums_of
from dl_runner.training.evaluation import measure

SPEC = labelled((1, 12, 12), 4, mean=(0.5,), std=(0.25,))
TASK = classification(SPEC, F.cross_entropy)
FP32 = contextlib.nullcontext


def evaluate(model: nn.Module, loader, autocast=FP32, **options) -> dict[str, float]:
    return sums_of(model, TASK, loader, autocast, SPEC, **options).read()


def split(n: int = 23) -> TensorSplit:
    generator = torch.Generator().manual_seed(0)
    images = torch.randint(256, (n, 1, 12, 12), generator=generator, dtype=torch.uint8)
    return TensorSplit(images, torch.randint(4, (n,), generator=generator))


@pytest.fixture(scope="module")
def model() -> nn.Module:
    torch.manual_seed(0)
    return builder("model", "lenet")(SPEC, dropout=0.5)


def direct(model: nn.Module, examples: TensorSplit) -> tuple[torch.Tensor, dict[str, float]]:
    model.eval()
    with torch.no_grad():
        logits = model(to_input(examples.inputs, SPEC))
    labels = examples.targets
    metrics = {
        "loss": F.cross_entropy(logits, labels).item(),
        "accuracy": (logits.argmax(1) == labels).float().mean().item(),
    }
    return logits, metrics


def cut(examples: TensorSplit, batch_size: int):
    return loader_of(examples, SPEC, batch_size)


@settings(max_examples=15, deadline=None)
@given(n=st.integers(1, 30), batch_size=st.integers(1, 40))
def test_metrics_are_those_over_the_whole_split_whatever_the_batch_size(model, n, batch_size):
    examples = split(n)
    _, expected = direct(model, examples)
    assert evaluate(model, cut(examples, batch_size)) == pytest.approx(expected, rel=1e-5, abs=1e-6)


@pytest.mark.parametrize("training", [True, False])
def test_the_training_flag_is_left_as_it_was_and_no_gradient_is_made(model, training):
    model.train(training)
    evaluate(model, cut(split(), 8))
    assert model.training == training and model[-2].training == training
    assert all(parameter.grad is None for parameter in model.parameters())


def test_an_error_leaves_the_training_flag(model):
    model.train()
    with pytest.raises(RuntimeError, match="the disk is gone"):
        evaluate(model, _Broken())
    assert model.training


class _Broken:
    def __len__(self):
        return 1

    def epoch(self):
        raise RuntimeError("the disk is gone")
        yield


def test_running_statistics_do_not_move():
    model = nn.Sequential(nn.Flatten(), nn.Linear(144, 4), nn.BatchNorm1d(4)).train()
    before = {name: value.clone() for name, value in model.state_dict().items()}
    evaluate(model, cut(split(), 8))
    assert all(torch.equal(before[name], value) for name, value in model.state_dict().items())


def test_the_forward_pass_runs_in_the_precision_that_is_given(model):
    seen = []
    hook = model.register_forward_hook(lambda _module, _inputs, output: seen.append(output.dtype))
    evaluate(model, cut(split(), 8), autocast(torch.device("cpu"), "bf16"))
    hook.remove()
    assert set(seen) == {torch.bfloat16}


def test_a_request_ends_it_between_two_batches(model):
    request = StopRequest()
    request.signal_number = 2
    with pytest.raises(Interrupted, match="stopped during an evaluation"):
        evaluate(model, cut(split(), 8), request=request)


class Longest:
    """A meter: the most examples of one class, which is no sum over batches."""

    def __init__(self):
        self.counts = torch.zeros(4)

    def update(self, model, batch):
        assert not model.training and not torch.is_grad_enabled()
        self.counts += torch.bincount(batch.targets, minlength=4)

    def compute(self):
        return {"longest": self.counts.max().item()}


def test_a_meter_sees_every_batch(model):
    examples = split()
    expected = torch.bincount(examples.targets, minlength=4).max().item()
    assert measure(model.train(), Longest(), cut(examples, 8), FP32) == {"longest": expected}
    assert model.training
