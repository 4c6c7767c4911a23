"""Classification: the step's loss and sums, and metrics equal to scikit-learn's for any cut into batches."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn import metrics
from specs import labelled
from torch import nn
from torch.nn import functional as F

from dl_runner.registry import builder
from dl_runner.tasks.classification import classification


def task(classes: int = 4):
    return classification(labelled((3,), classes), F.cross_entropy)


def test_the_registry_finds_it_and_it_says_how_to_choose():
    assert builder("task", "classification") is classification
    assert (task().monitor, task().mode) == ("accuracy", "max")


@settings(max_examples=25, deadline=None)
@given(sizes=st.lists(st.integers(1, 9), min_size=1, max_size=4), seed=st.integers(0, 99))
def test_metrics_over_batches_are_those_over_all_examples(sizes, seed):
    generator = torch.Generator().manual_seed(seed)
    n = sum(sizes)
    logits, labels = torch.randn(n, 4, generator=generator), torch.randint(4, (n,), generator=generator)
    sums = {"loss": 0.0, "correct": 0.0}
    for batch in zip(logits.split(sizes), labels.split(sizes), strict=True):
        _, added = task().step(nn.Identity(), batch)
        assert added.keys() == sums.keys()
        sums = {name: sums[name] + added[name].item() for name in sums}
    report = task().report(sums, n)
    assert set(report) == set(task().metrics)
    assert report["accuracy"] == pytest.approx(metrics.accuracy_score(labels, logits.argmax(1)))
    expected = metrics.log_loss(labels.numpy(), logits.double().softmax(1).numpy(), labels=range(4))
    assert report["loss"] == pytest.approx(expected, rel=1e-5)


def test_the_loss_has_a_gradient_and_the_sums_have_none():
    model = nn.Linear(3, 4)
    inputs, labels = torch.randn(5, 3), torch.tensor([0, 1, 2, 3, 0])
    loss, sums = task().step(model, (inputs, labels))
    assert loss.requires_grad and not any(value.requires_grad for value in sums.values())
    torch.testing.assert_close(loss, F.cross_entropy(model(inputs), labels))
    loss.backward()
    assert model.weight.grad.any()


@pytest.mark.parametrize(("label", "correct"), [(2, 1), (0, 0)])
def test_correct_counts_the_largest_logit(label, correct):
    logits = torch.tensor([[0.0, 1.0, 5.0, -9.0]])
    _, sums = task().step(nn.Identity(), (logits, torch.tensor([label])))
    assert sums["correct"] == correct


@settings(max_examples=25, deadline=None)
@given(n=st.integers(1, 9), classes=st.integers(2, 6), epsilon=st.floats(0, 0.99), seed=st.integers(0, 99))
def test_label_smoothing_is_torchs_in_the_step_and_not_in_the_report(n, classes, epsilon, seed):
    generator = torch.Generator().manual_seed(seed)
    logits, labels = torch.randn(n, classes, generator=generator), torch.randint(classes, (n,), generator=generator)
    smoothed = classification(labelled((3,), classes), F.cross_entropy, label_smoothing=epsilon)
    loss, sums = smoothed.step(nn.Identity(), (logits.requires_grad_(), labels))
    expected = F.cross_entropy(logits, labels, label_smoothing=epsilon)
    torch.testing.assert_close(loss, expected)
    gradients = (torch.autograd.grad(one, logits)[0] for one in (loss, expected))
    torch.testing.assert_close(*gradients, rtol=1e-4, atol=1e-6)
    assert sums["loss"].item() / n == pytest.approx(F.cross_entropy(logits, labels).item(), rel=1e-5)
