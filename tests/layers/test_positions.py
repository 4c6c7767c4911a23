"""Sinusoidal positions: the paper's formula, and that a shift is a rotation."""

import math

import pytest
import torch

from dl_runner.layers.positions import SinusoidalPositions, sinusoids


@pytest.mark.parametrize("width", [1, 2, 7, 8])
def test_they_are_the_formula(width):
    table = sinusoids(20, width)
    for place in (0, 1, 19):
        for column in range(width):
            angle = place / 10_000 ** ((column - column % 2) / width)
            expected = math.cos(angle) if column % 2 else math.sin(angle)
            assert table[place, column].item() == pytest.approx(expected, abs=1e-6)


def test_neighbours_are_equally_near_everywhere():
    """The dot product of two positions depends on their distance alone."""
    table = sinusoids(30, 16).double()
    products = table @ table.T
    for distance in (1, 5):
        diagonal = products.diagonal(distance)
        torch.testing.assert_close(diagonal, diagonal[:1].expand_as(diagonal), rtol=1e-5, atol=1e-5)


def test_it_is_looked_up_by_place_and_has_nothing_to_learn():
    layer = SinusoidalPositions(9, 4)
    assert torch.equal(layer(torch.tensor([3, 8])), sinusoids(9, 4)[[3, 8]])
    assert not list(layer.parameters()) and not layer.state_dict()
