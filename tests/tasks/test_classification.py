"""Classification: the step's loss and sums, and metrics equal to scikit-learn's for any cut into batches."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image
from sklearn import metrics
from specs import labelled
from torch import nn
from torch.nn import functional as F

from dl_runner.data.batch import Batch
from dl_runner.errors import UserError
from dl_runner.registry import builder
from dl_runner.spec import DataSpec, Numbers, Tokens, Vector
from dl_runner.tasks.classification import classification
from dl_runner.tasks.task import chooses


def task(classes: int = 4):
    return classification(labelled((3,), classes), F.cross_entropy)


def test_the_registry_finds_it_and_it_says_how_to_choose():
    assert builder("task", "classification") is classification
    assert (chooses(task()).name, chooses(task()).better) == ("accuracy", "max")
    assert chooses(task()).format == "fraction"


@settings(max_examples=25, deadline=None)
@given(sizes=st.lists(st.integers(1, 9), min_size=1, max_size=4), seed=st.integers(0, 99))
def test_metrics_over_batches_are_those_over_all_examples(sizes, seed):
    generator = torch.Generator().manual_seed(seed)
    n = sum(sizes)
    logits, labels = torch.randn(n, 4, generator=generator), torch.randint(4, (n,), generator=generator)
    model, sums = nn.Identity().eval(), {"loss": 0.0, "correct": 0.0, "confusion": torch.zeros(4, 4)}
    for batch in zip(logits.split(sizes), labels.split(sizes), strict=True):
        _, added = task().step(model, Batch.of(*batch))
        assert added.keys() == sums.keys()
        sums = {name: sums[name] + added[name] for name in sums}
    report = task().report(sums | {"examples": n})
    assert set(report) == {metric.name for metric in task().metrics}
    confusion = metrics.confusion_matrix(labels, logits.argmax(1), labels=range(4))
    assert sums["confusion"].tolist() == confusion.tolist()
    assert report["accuracy"] == pytest.approx(metrics.accuracy_score(labels, logits.argmax(1)))
    expected = metrics.log_loss(labels.numpy(), logits.double().softmax(1).numpy(), labels=range(4))
    assert report["loss"] == pytest.approx(expected, rel=1e-5)


def test_the_loss_has_a_gradient_and_the_sums_have_none():
    model = nn.Linear(3, 4)
    inputs, labels = torch.randn(5, 3), torch.tensor([0, 1, 2, 3, 0])
    loss, sums = task().step(model, Batch.of(inputs, labels))
    assert loss.requires_grad and not any(value.requires_grad for value in sums.values())
    torch.testing.assert_close(loss, F.cross_entropy(model(inputs), labels))
    loss.backward()
    assert model.weight.grad.any()
    assert "confusion" not in sums  # a training step has no use for it


@pytest.mark.parametrize(("label", "correct"), [(2, 1), (0, 0)])
def test_correct_counts_the_largest_logit(label, correct):
    logits = torch.tensor([[0.0, 1.0, 5.0, -9.0]])
    _, sums = task().step(nn.Identity(), Batch.of(logits, torch.tensor([label])))
    assert sums["correct"] == correct


@settings(max_examples=25, deadline=None)
@given(n=st.integers(1, 9), classes=st.integers(2, 6), epsilon=st.floats(0, 0.99), seed=st.integers(0, 99))
def test_label_smoothing_is_torchs_in_the_step_and_not_in_the_report(n, classes, epsilon, seed):
    generator = torch.Generator().manual_seed(seed)
    logits, labels = torch.randn(n, classes, generator=generator), torch.randint(classes, (n,), generator=generator)
    smoothed = classification(labelled((3,), classes), F.cross_entropy, label_smoothing=epsilon)
    loss, sums = smoothed.step(nn.Identity(), Batch.of(logits.requires_grad_(), labels))
    expected = F.cross_entropy(logits, labels, label_smoothing=epsilon)
    torch.testing.assert_close(loss, expected)
    gradients = (torch.autograd.grad(one, logits)[0] for one in (loss, expected))
    torch.testing.assert_close(*gradients, rtol=1e-4, atol=1e-6)
    assert sums["loss"].item() / n == pytest.approx(F.cross_entropy(logits, labels).item(), rel=1e-5)


class Pixels(nn.Module):
    """The logits of an image are its first pixels."""

    def forward(self, images):
        return images.flatten(1)[:, :4]


@pytest.fixture
def pictures(tmp_path):
    """Two grey pictures whose first four pixels decide, and what these are."""
    values = np.zeros((2, 4, 4), np.uint8)
    values[0, 0], values[1, 0] = (0, 250, 125, 5), (200, 10, 20, 180)
    paths = [str(tmp_path / f"{name}.png") for name in "ab"]
    for path, pixels in zip(paths, values, strict=True):
        Image.fromarray(pixels).save(path)
    return paths, torch.from_numpy(values[:, 0] / 255)


def answers(pictures, **options):
    named = classification(labelled((1, 4, 4), 4, ("a", "b", "c", "d")), F.cross_entropy)
    return named.predict(Pixels(), pictures[0], **options)


def test_the_most_probable_classes_come_first(pictures):
    first, second = answers(pictures)
    shares = pictures[1].softmax(1)
    assert first == {
        "picture": pictures[0][0],
        "1.": f"b {shares[0, 1]:.1%}",
        "2.": f"c {shares[0, 2]:.1%}",
        "3.": f"d {shares[0, 3]:.1%}",
    }
    assert [text.split()[0] for text in second.values()][1:] == ["a", "d", "c"]


def test_as_many_classes_as_asked_for_and_no_more_than_there_are(pictures):
    assert [len(row) - 1 for row in answers(pictures, top=1)] == [1, 1]
    assert [len(row) - 1 for row in answers(pictures, top=9)] == [4, 4]


def test_dark_and_light_are_swapped_where_asked(pictures):
    assert [row["1."][0] for row in answers(pictures, invert=True)] == ["a", "b"]


def test_it_draws_the_confusion_matrix_and_shows_pictures_that_have_colours():
    named = classification(labelled((1, 4, 4), 4), F.cross_entropy)
    batch = Batch.of(torch.rand(3, 1, 4, 4), torch.tensor([0, 1, 2]))
    _, sums = named.step(Pixels().eval(), batch)
    for picture in (named.draw(sums)["confusion"], named.show(Pixels(), batch)["predictions"]):
        assert picture.dtype == np.uint8 and picture.ndim == 3 and picture.shape[2] == 3
    for shape in ((2, 4, 4), (16,)):
        assert classification(labelled(shape, 4), F.cross_entropy).show(Pixels(), batch) == {}


@pytest.mark.parametrize("targets", [Numbers(2), Tokens(5, 3)])
def test_other_targets_are_refused_with_the_datas_own_task(targets):
    with pytest.raises(UserError, match=r"task=classification: learns from classes, .* use task=auto, which is other"):
        classification(DataSpec(Vector(3), targets, "other"), F.cross_entropy)
