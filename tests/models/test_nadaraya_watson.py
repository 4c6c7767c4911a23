"""Kernel regression against the formula of Nadaraya and Watson, and points that are not seen."""

import math

import pytest
import torch
from model_specs import build_for, spec_for

from dl_runner.models.nadaraya_watson import nadaraya_watson

SPEC = spec_for("nadaraya_watson", "points", "numbers")
QUERY, KEYS = torch.tensor([[0.5], [2.0]]), torch.tensor([[0.0, 1.0, 1.5, 4.0, 7.0]]).expand(2, -1)
VALUES = torch.tensor([[1.0, -1.0, 2.0, 5.0, 8.0]]).expand(2, -1)
ALL = torch.ones(2, 5)


@pytest.mark.parametrize("width", [0.5, 2.0])
def test_a_gaussian_kernel_of_the_width(width):
    model = nadaraya_watson(SPEC, pooling="gaussian", width=width)
    for row, query in enumerate((0.5, 2.0)):
        kernel = [math.exp(-(((query - key) / width) ** 2) / 2) for key in KEYS[0].tolist()]
        expected = sum(k * v for k, v in zip(kernel, VALUES[0].tolist(), strict=True)) / sum(kernel)
        assert model(QUERY, KEYS, VALUES, ALL)[row].item() == pytest.approx(expected, rel=1e-5)


def test_the_average_is_the_mean_of_what_is_seen():
    seen = torch.tensor([[1.0, 1, 1, 1, 1], [0, 1, 1, 0, 0]])
    answers = nadaraya_watson(SPEC, pooling="average")(QUERY, KEYS, VALUES, seen)
    assert answers.squeeze(1).tolist() == pytest.approx([3.0, 0.5])


@pytest.mark.parametrize("pooling", ["average", "gaussian", "learned"])
def test_what_is_not_seen_changes_nothing_and_without_a_point_the_answer_is_zero(pooling):
    torch.manual_seed(0)
    model = nadaraya_watson(SPEC, pooling=pooling)
    seen, other = torch.tensor([[1.0, 0, 1, 0, 1], [0.0] * 5]), VALUES.clone()
    other[:, 1] = 1e6
    answers = model(QUERY, KEYS, VALUES, seen)
    assert torch.equal(model(QUERY, KEYS, other, seen), answers) and answers[1] == 0 and answers[0] != 0
    torch.testing.assert_close(model.weights(QUERY, KEYS, seen).sum(1), torch.tensor([1.0, 0.0]))
    for parameter in model.parameters():
        answers.sum().backward()
        assert parameter.grad.isfinite().all() and parameter.grad.any()


def test_only_the_learned_width_is_a_parameter_and_it_begins_between_0_and_1():
    for pooling, count in (("average", 0), ("gaussian", 0), ("learned", 1)):
        assert len(list(nadaraya_watson(SPEC, pooling=pooling).parameters())) == count
    drawn = [build_for("nadaraya_watson", SPEC, seed=seed).w.item() for seed in range(20)]
    assert 0 <= min(drawn) < 0.3 and 0.7 < max(drawn) < 1
