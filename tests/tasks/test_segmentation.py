"""Segmentation: metrics equal to plain counting for any cut into batches, and gradients for any cut into parts."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from dl_runner.data.batch import Batch, blank
from dl_runner.errors import UserError
from dl_runner.registry import builder
from dl_runner.report.masks import class_bars, mask_table, overlaid, palette
from dl_runner.spec import Classes, DataSpec, Image, Pixels
from dl_runner.tasks.losses import auto, cross_entropy
from dl_runner.tasks.losses_scratch import cross_entropy_scratch
from dl_runner.tasks.segmentation import confusion, segmentation
from dl_runner.tasks.task import chooses
from dl_runner.training.sums import MetricSums

IGNORE = 9


def spec(classes=4, side=5):
    names = tuple(f"class {number}" for number in range(classes))
    return DataSpec(Image(1, side, side), Pixels(names, side, side, IGNORE), "segmentation")


def task(classes=4):
    return segmentation(spec(classes), cross_entropy(spec(classes)))


def whole_batch(inputs: torch.Tensor, labels: torch.Tensor) -> Batch:
    return Batch.of(inputs, labels, {"pixels": (labels != IGNORE).sum((1, 2))})


@st.composite
def pictures(draw, classes=4):
    """Logits, float64 (n, classes, 5, 5), and labels, uint8 (n, 5, 5), of which any share is ignored, even all."""
    n, seed, share = draw(st.integers(1, 7)), draw(st.integers(0, 999)), draw(st.sampled_from([0, 0.3, 0.9, 1]))
    generator = torch.Generator().manual_seed(seed)
    logits = torch.randn(n, classes, 5, 5, generator=generator, dtype=torch.float64)
    used = draw(st.integers(1, classes))  # some classes may never occur
    labels = torch.randint(used, (n, 5, 5), generator=generator).byte()
    return logits, labels.masked_fill(torch.rand(n, 5, 5, generator=generator) < share, IGNORE)


def counted(logits: torch.Tensor, labels: torch.Tensor, classes=4) -> dict[str, float]:
    """The metrics by loops over classes and sums over pixels."""
    truth, guesses = labels.numpy(), logits.numpy().argmax(1)
    there = truth != IGNORE
    shares = []
    for label in range(classes):
        of_truth, of_guess = (truth == label) & there, (guesses == label) & there
        if (of_truth | of_guess).any():
            shares.append((of_truth & of_guess).sum() / (of_truth | of_guess).sum())
    terms = logits.numpy() - np.log(np.exp(logits.numpy()).sum(1, keepdims=True))
    chosen = np.take_along_axis(terms, np.where(there, truth, 0)[:, None].astype(int), 1)[:, 0]
    pixels = max(there.sum(), 1)
    return {
        "mean_iou": np.mean(shares) if shares else 0.0,
        "pixel_accuracy": ((truth == guesses) & there).sum() / pixels,
        "loss": -(chosen * there).sum() / pixels,
    }


def test_the_registry_finds_it_and_it_says_how_to_choose():
    assert builder("task", "segmentation") is segmentation
    assert (chooses(task()).name, chooses(task()).better) == ("mean_iou", "max")


@settings(max_examples=60, deadline=None)
@given(made=pictures(), size=st.integers(1, 7))
def test_metrics_over_batches_of_any_size_are_those_of_plain_counting(made, size):
    logits, labels = made
    sums = MetricSums(task())
    for some, of_them in zip(logits.split(size), labels.split(size), strict=True):
        batch = whole_batch(some, of_them)
        sums.add(task().step(nn.Identity(), batch)[1], batch.counts)
    assert sums.read() == pytest.approx(counted(logits, labels), rel=1e-12, abs=1e-12)
    assert list(sums.read()) == [metric.name for metric in task().metrics]


@pytest.mark.parametrize("loss", [cross_entropy, cross_entropy_scratch, auto])
@settings(max_examples=25, deadline=None)
@given(made=pictures(), parts=st.integers(2, 4))
def test_gradients_of_parts_add_up_however_the_labels_lie(loss, made, parts):
    logits, labels = made
    labels[0] = IGNORE  # a part may have no labelled pixel at all
    its = segmentation(spec(), loss(spec()))
    whole = whole_batch(logits.requires_grad_(), labels)
    gradients = []
    for cut in (1, parts):
        losses = [its.step(nn.Identity(), part)[0] for part in whole.parts(cut)]
        assert all(one.isfinite() for one in losses)
        gradients.append(torch.autograd.grad(sum(losses), logits)[0])
    assert gradients[0].isfinite().all()
    torch.testing.assert_close(*gradients, rtol=1e-12, atol=1e-14)
    assert not gradients[0][(labels == IGNORE)[:, None].expand_as(logits)].any()


def test_the_divisor_is_the_number_of_labels_before_the_augmentation():
    logits = torch.zeros(2, 4, 5, 5, dtype=torch.float64)
    labels = torch.zeros(2, 5, 5, dtype=torch.uint8)
    batch = whole_batch(logits, labels)
    labels[:, :, :2] = IGNORE  # moved out of the picture since
    loss, sums = task().step(nn.Identity(), batch)
    assert loss.item() == pytest.approx(np.log(4) * 30 / 50)
    assert task().report({**sums, **batch.counts})["loss"] == pytest.approx(np.log(4))


def test_the_sums_have_no_gradient_and_the_loss_has_one():
    model = nn.Conv2d(1, 4, 1)
    loss, sums = task().step(model, blank(spec(), 2))
    loss.backward()
    assert model.bias.grad.any() and not any(value.requires_grad for value in sums.values())


@pytest.mark.parametrize("classes", [1, 3, 700])
def test_a_confusion_matrix_of_any_size(classes):
    generator = torch.Generator().manual_seed(0)
    labels, guesses = torch.randint(classes, (2, 3, 50, 50), generator=generator)
    labels[0, :20] = classes + 5
    counts = confusion(labels, guesses, classes, classes + 5)
    there = labels != classes + 5
    expected = torch.zeros(classes, classes, dtype=torch.int64)
    for label, guess in zip(labels[there].tolist(), guesses[there].tolist(), strict=True):
        expected[label, guess] += 1
    assert torch.equal(counts, expected)


def test_other_targets_and_losses_without_a_sum_are_refused():
    with pytest.raises(UserError, match="task=segmentation: learns from classes of pixels, but"):
        segmentation(DataSpec(Image(1, 5, 5), Classes(("a", "b")), "classification"), None)
    with pytest.raises(UserError, match="task=segmentation: takes the loss of each target by itself"):
        segmentation(spec(), lambda outputs, targets: outputs.sum())


def test_what_it_shows_and_draws_are_pictures():
    model = nn.Conv2d(1, 4, 1)
    batch = blank(spec(), 8)
    batch.targets[:, 0] = IGNORE
    shown = task().show(model, batch) | task().draw({"confusion": torch.eye(4).long()})
    assert set(shown) == {"predictions", "iou"}
    for picture in shown.values():
        assert picture.dtype == np.uint8 and picture.ndim == 3 and picture.shape[2] == 3


def test_colours_are_fixed_and_those_of_pascal_voc():
    assert palette(5).tolist() == [[0, 0, 0], [128, 0, 0], [0, 128, 0], [128, 128, 0], [0, 0, 128]]
    assert len({tuple(color) for color in palette(256).tolist()}) == 256
    assert palette(300)[3].tolist() == palette(4)[3].tolist()


def test_a_mask_lies_over_its_picture():
    images = np.full((1, 1, 1, 3), 100, np.uint8)
    over = overlaid(images, np.array([[[0, 1, 255]]]), 2)[0].transpose(1, 2, 0)[0]
    assert over.tolist() == [[100, 100, 100], [117, 40, 40], [193, 193, 193]]


def test_the_legend_names_what_is_there_alone():
    images, masks = np.zeros((1, 1, 8, 8), np.uint8), np.ones((1, 8, 8), np.uint8)
    with_one = mask_table(images, {"truth": masks}, ["background", "cat", "dog"], [""])
    with_none = mask_table(images, {"truth": 0 * masks}, ["background", "cat", "dog"], [""])
    red = np.array([77, 0, 0], np.uint8)
    assert (with_one == red).all(-1).any() and not (with_none == red).all(-1).any()
    assert (with_one == palette(2)[1]).all(-1).any() and not (with_none == palette(2)[1]).all(-1).any()


def test_bars_of_many_classes_and_of_classes_that_are_not_there():
    for shares in ([0.5, float("nan")], [0.1] * 300):
        assert class_bars(shares, [str(one) for one in range(len(shares))], "IoU").shape[2] == 3
