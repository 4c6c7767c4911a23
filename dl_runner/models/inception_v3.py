"""Inception v3, simplified (Szegedy et al., 2016, "Rethinking the Inception architecture for computer vision").

GoogLeNet with its larger convolutions factorized into smaller ones, stage by stage, at the same channel numbers:

    stage 3    5×5 → two 3×3
    stage 4    3×3 → 1×7 and then 7×1                       5×5 → that pair twice
    stage 5    3×3 → 1×3 beside 3×1, half the channels each  5×5 → 3×3 and then that pair

The first convolution of a chain brings the branch to its output width. Neither the paper's stem nor its grid
reduction or batch normalization.
"""

from torch import nn

from dl_runner.layers.inception import Parallel, convolution, inception_network
from dl_runner.layers.shapes import require_images
from dl_runner.spec import DataSpec


def _three(inputs: int, outputs: int) -> nn.Module:
    return convolution(inputs, outputs, 3)


def _threes(inputs: int, outputs: int) -> nn.Module:
    """Sees 5×5 pixels."""
    return nn.Sequential(_three(inputs, outputs), _three(outputs, outputs))


def _sevens(inputs: int, outputs: int) -> nn.Module:
    """Sees 7×7 pixels, one direction at a time."""
    return nn.Sequential(convolution(inputs, outputs, 1, 7), convolution(outputs, outputs, 7, 1))


def _sevens_twice(inputs: int, outputs: int) -> nn.Module:
    return nn.Sequential(_sevens(inputs, outputs), _sevens(outputs, outputs))


def _cross(inputs: int, outputs: int) -> nn.Module:
    """Sees the row and the column of 3 pixels through each pixel."""
    return Parallel(convolution(inputs, outputs // 2, 1, 3), convolution(inputs, outputs // 2, 3, 1))


def _three_and_cross(inputs: int, outputs: int) -> nn.Module:
    return nn.Sequential(_three(inputs, outputs), _cross(outputs, outputs))


def inception_v3(data: DataSpec) -> nn.Module:
    """(batch, channels, h, w) → (batch, outputs); 7,740,058 parameters with grey and ten classes, at any size.

    Raises:
        UserError: no images.
    """
    require_images(data, "inception_v3")
    stages = [(_three, _threes), (_sevens, _sevens_twice), (_cross, _three_and_cross)]
    return inception_network(data.channels, data.outputs, stages)
