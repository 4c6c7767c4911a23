"""XOR and the separable points: classes, margins, reproducible and independent splits."""

from pathlib import Path

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from dl_runner.datasets.separable_points import separable_points
from dl_runner.datasets.synthetic_regression import synthetic_regression
from dl_runner.datasets.xor import xor
from dl_runner.errors import UserError

NOWHERE = Path("/nonexistent")
quick = settings(max_examples=15, deadline=None)


def test_four_points_without_noise_are_the_truth_table():
    split = xor(NOWHERE, noise=0.0, examples=4).train
    table = {tuple(point): label for point, label in zip(split.inputs.tolist(), split.targets.tolist(), strict=True)}
    assert table == {(-1, -1): 0, (1, 1): 0, (-1, 1): 1, (1, -1): 1}


def test_the_clouds_are_balanced_and_around_their_corners():
    split = xor(NOWHERE, noise=0.3, examples=4000).train
    corners = split.inputs.sign()
    assert torch.equal(torch.bincount(split.targets), torch.tensor([2000, 2000]))
    assert ((corners[:, 0] != corners[:, 1]) == split.targets.bool()).float().mean() > 0.99
    offsets = split.inputs - xor(NOWHERE, noise=0.0, examples=4000).train.inputs
    assert offsets.std().item() == pytest.approx(0.3, rel=0.05) and abs(offsets.mean().item()) < 0.02


@quick
@given(margin=st.floats(0, 0.9), radius=st.floats(0.1, 5), angle=st.floats(-360, 360), seed=st.integers(0, 99))
def test_every_point_keeps_the_margin_within_the_disk(margin, radius, angle, seed):
    data = separable_points(NOWHERE, margin=margin, radius=radius, angle=angle, examples=50, test_examples=7, seed=seed)
    turn = torch.deg2rad(torch.tensor(angle, dtype=torch.float64))
    across = torch.stack([turn.cos(), turn.sin()])
    for split, count in ((data.train, 50), (data.test, 7)):
        points = split.inputs.double()
        assert points.shape == (count, 2) and points.norm(dim=1).max() <= radius * (1 + 1e-6)
        assert ((2 * split.targets - 1) * (points @ across)).min() >= margin * radius * (1 - 1e-5) - 1e-6


@pytest.mark.parametrize("builder", [xor, separable_points])
def test_splits_are_seeded_and_independent(builder):
    few, many, other = (builder(NOWHERE, examples=n, seed=seed) for n, seed in ((20, 0), (40, 0), (20, 1)))
    assert torch.equal(few.test.inputs, many.test.inputs)
    assert not torch.equal(few.train.inputs, other.train.inputs)
    assert not torch.equal(few.train.inputs, few.test.inputs[:20])
    assert len(few.spec.classes) == few.spec.outputs == 2 and few.spec.input_shape == (2,)


def test_one_weight_is_repeated_over_the_features():
    repeated = synthetic_regression(NOWHERE, weight=(0.5,), features=7, examples=10)
    written = synthetic_regression(NOWHERE, weight=(0.5,) * 7, examples=10)
    same = synthetic_regression(NOWHERE, weight=(0.5,) * 7, features=7, examples=10)
    for other in (written, same):
        assert torch.equal(repeated.train.inputs, other.train.inputs)
        assert torch.equal(repeated.train.targets, other.train.targets)
    assert repeated.spec.input_shape == (7,)


@pytest.mark.parametrize("features", [1, 3])
def test_several_weights_are_not_repeated(features):
    with pytest.raises(UserError, match=rf"^data\.features={features}: data\.weight has 2 numbers; give it {features}"):
        synthetic_regression(NOWHERE, features=features)
