"""Labels drawn at random: of the training examples alone, a share of them, by the seed."""

import pytest
import torch

from dl_runner.datasets.digits import digits
from dl_runner.datasets.random_labels import random_labels


@pytest.mark.parametrize("share", [0.0, 0.5, 1.0])
def test_a_share_of_the_training_labels_is_drawn_anew_and_the_test_split_kept(tmp_path, share):
    true, drawn = digits(tmp_path, seed=3), random_labels(tmp_path, share=share, seed=3)
    changed = (true.train.targets != drawn.train.targets).float().mean().item()
    assert changed == pytest.approx(0.9 * share, abs=0.04)  # a tenth draws the class that it had
    assert torch.equal(true.train.inputs, drawn.train.inputs) and torch.equal(true.test.targets, drawn.test.targets)
    counts = torch.bincount(drawn.train.targets, minlength=10)
    assert counts.min() > 0.6 * counts.float().mean()


def test_the_seed_decides_the_labels(tmp_path):
    one, same, other = (random_labels(tmp_path, test=0.0, seed=seed).train.targets for seed in (0, 0, 1))
    assert torch.equal(one, same) and not torch.equal(one, other)
