"""A constant initialization leaves the hidden units copies of each other; a random one does not."""

import pytest
import torch
from lesson_runs import hold
from torch import nn

from dl_runner.lessons.symmetry import ALONE, SPREAD, spread


def test_copies_stay_copies_and_learn_as_little_as_one_unit(tmp_path):
    options = ("lesson.inits=[constant,xavier_uniform]", "lesson.shown=4", "model.hidden=[32]", "trainer.epochs=4")
    lesson = hold(tmp_path, "symmetry", *options)
    for value in lesson.curve("constant", f"train/{SPREAD}"):
        assert value < 1e-5  # rounding may part what the equations do not
    assert min(lesson.curve("xavier_uniform", f"train/{SPREAD}")) > 0.9
    accuracy = {arm: lesson.metric(arm, "validation/accuracy") for arm in ("constant", "xavier_uniform", ALONE)}
    assert accuracy["xavier_uniform"] > 0.8
    assert max(accuracy["constant"], accuracy[ALONE]) < 0.4


def test_the_spread_is_0_for_copies_and_1_for_weights_that_cancel():
    layer = nn.Linear(2, 4)
    rows = torch.tensor([[3.0, -1.0]])
    for factors, expected in (([1, 1, 1, 1], 0), ([1, -1, 1, -1], 1), ([2, 0, 2, 0], 0.5**0.5)):
        layer.weight.data = torch.tensor(factors)[:, None] * rows
        assert spread(nn.Sequential(layer)) == {SPREAD: pytest.approx(expected)}
