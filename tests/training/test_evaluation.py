"""Evaluation against a direct computation over the whole split."""

import contextlib

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from specs import labelled
from torch import nn
from torch.nn import functional as F

from dl_runner.data.loader import batches, to_input
from dl_runner.data.splits import Split
from dl_runner.registry import builder
from dl_runner.runtime.device import autocast
from dl_runner.tasks.classification import classification
from dl_runner.training.evaluation import evaluate

SPEC = labelled((1, 12, 12), 4, mean=(0.5,), std=(0.25,))
TASK = classification(SPEC, F.cross_entropy)
FP32 = contextlib.nullcontext


def split(n: int = 23) -> Split:
    generator = torch.Generator().manual_seed(0)
    images = torch.randint(256, (n, 1, 12, 12), generator=generator, dtype=torch.uint8)
    return Split(images, torch.randint(4, (n,), generator=generator))


@pytest.fixture(scope="module")
def model() -> nn.Module:
    torch.manual_seed(0)
    return builder("model", "lenet")(SPEC, dropout=0.5)


def direct(model: nn.Module, examples: Split) -> tuple[torch.Tensor, dict[str, float]]:
    model.eval()
    with torch.no_grad():
        logits = model(to_input(examples.inputs, SPEC))
    labels = examples.targets
    metrics = {
        "loss": F.cross_entropy(logits, labels).item(),
        "accuracy": (logits.argmax(1) == labels).float().mean().item(),
    }
    return logits, metrics


def cut(examples: Split, batch_size: int):
    return batches(examples, SPEC, batch_size=batch_size, device="cpu")


@settings(max_examples=15, deadline=None)
@given(n=st.integers(1, 30), batch_size=st.integers(1, 40))
def test_metrics_are_those_over_the_whole_split_whatever_the_batch_size(model, n, batch_size):
    examples = split(n)
    _, expected = direct(model, examples)
    assert evaluate(model, TASK, cut(examples, batch_size), FP32) == pytest.approx(expected, rel=1e-5, abs=1e-6)


@pytest.mark.parametrize("training", [True, False])
def test_the_training_flag_is_left_as_it_was_and_no_gradient_is_made(model, training):
    model.train(training)
    evaluate(model, TASK, cut(split(), 8), FP32)
    assert model.training == training and model[-2].training == training
    assert all(parameter.grad is None for parameter in model.parameters())


def test_an_error_leaves_the_training_flag_and_no_hook(model):
    model.train()
    outputs = []
    with pytest.raises(RuntimeError):
        evaluate(model, TASK, _Broken(), FP32, outputs=outputs)
    assert model.training
    model(torch.zeros(1, 1, 12, 12))
    assert outputs == []


class _Broken:
    def epoch(self):
        raise RuntimeError("the disk is gone")
        yield


@pytest.mark.parametrize(("limit", "used"), [(1, 8), (2, 16), (3, 23), (99, 23), (None, 23)])
def test_a_limit_takes_the_first_batches(model, limit, used):
    examples = split()
    _, expected = direct(model, examples.subset(torch.arange(used)))
    assert evaluate(model, TASK, cut(examples, 8), FP32, limit=limit) == pytest.approx(expected, rel=1e-5)


def test_outputs_are_collected_in_order_and_only_when_asked_for(model):
    examples, outputs = split(), []
    evaluate(model, TASK, cut(examples, 8), FP32, outputs=outputs)
    assert [len(one) for one in outputs] == [8, 8, 7]
    torch.testing.assert_close(torch.cat(outputs), direct(model, examples)[0])
    evaluate(model, TASK, cut(examples, 8), FP32)
    assert len(outputs) == 3


def test_running_statistics_do_not_move():
    model = nn.Sequential(nn.Flatten(), nn.Linear(144, 4), nn.BatchNorm1d(4)).train()
    before = {name: value.clone() for name, value in model.state_dict().items()}
    evaluate(model, TASK, cut(split(), 8), FP32)
    assert all(torch.equal(before[name], value) for name, value in model.state_dict().items())


def test_the_forward_pass_runs_in_the_precision_that_is_given(model):
    outputs = []
    evaluate(model, TASK, cut(split(), 8), autocast(torch.device("cpu"), "bf16"), outputs=outputs)
    assert {one.dtype for one in outputs} == {torch.bfloat16}
