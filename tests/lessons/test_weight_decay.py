"""A larger λ makes smaller weights and a lower test loss, at the price of the training loss."""

from itertools import pairwise

import pytest
from lesson_runs import hold

NAMES = ("λ = 0", "λ = 1", "λ = 10")


def test_the_test_loss_falls_and_the_weights_shrink_as_the_penalty_rises(tmp_path):
    options = ("lesson.penalties=[0,1,10]", "trainer.epochs=60", "trainer.evaluate_every='20 epochs'")
    lesson = hold(tmp_path, "weight_decay", *options, "trainer.log_every='20 epochs'")
    test, norm = ([lesson.metric(name, key) for name in NAMES] for key in ("test/loss", "train/weight_norm"))
    for values in (test, norm):
        assert all(after < before / 2 for before, after in pairwise(values))
    assert test[0] > 100 * lesson.metric(NAMES[0], "train/loss")  # overfitting, without the penalty
    # What the 20 examples do not determine of the 200 weights of N(0, 1) stays: about the root of 180.
    assert norm[0] == pytest.approx(180**0.5, rel=0.15)
