"""Points of a curve: a training point is asked for without itself, a test query from all."""

import math

import pytest
import torch

from dl_runner.datasets.kernel_regression import kernel_regression
from dl_runner.errors import UserError


def test_every_query_comes_with_the_points_and_sees_all_but_itself(tmp_path):
    data = kernel_regression(tmp_path, examples=30, test_examples=20, seed=3)
    train, test = data.train.inputs, data.test.inputs
    assert train["keys"].shape == (30, 30) and test["keys"].shape == (20, 30)
    assert torch.equal(train["keys"][0], train["keys"][7]) and torch.equal(train["keys"][0], test["keys"][5])
    assert torch.equal(train["query"].squeeze(1), train["keys"][0])
    assert torch.equal(data.train.targets.squeeze(1), train["values"][0])
    assert torch.equal(train["seen"], 1 - torch.eye(30)) and test["seen"].all()
    assert train["keys"][0].diff().min() >= 0 and train["keys"].min() >= 0 and train["keys"].max() < 5
    assert data.spec.inputs["keys"].size == 30 and data.spec.outputs == 1


def test_the_curve_and_its_noise(tmp_path):
    data = kernel_regression(tmp_path, examples=4000, test_examples=10)
    for query, target in zip(data.test.inputs["query"], data.test.targets, strict=True):
        assert target.item() == pytest.approx(2 * math.sin(query) + query.item() ** 0.8, abs=1e-5)
    assert data.test.inputs["query"].squeeze(1).tolist() == pytest.approx([place / 2 for place in range(10)])
    keys, values = data.train.inputs["keys"][0], data.train.inputs["values"][0]
    noise = values - (2 * keys.sin() + keys**0.8)
    assert noise.std().item() == pytest.approx(0.5, rel=0.05) and abs(noise.mean().item()) < 0.03


def test_the_seed_decides_the_points(tmp_path):
    one, two, other = (kernel_regression(tmp_path, seed=seed).train for seed in (1, 1, 2))
    assert one.digest() == two.digest() != other.digest()


def test_a_single_point_is_refused(tmp_path):
    with pytest.raises(UserError, match=r"^data\.examples=1: [^\n]*$"):
        kernel_regression(tmp_path, examples=1)
