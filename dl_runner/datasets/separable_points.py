"""Linearly separable points in the plane, with a known margin around the line between the two classes."""

import math
from pathlib import Path

import numpy as np
import torch

from dl_runner.config.types import Fraction, Positive, PositiveInt
from dl_runner.data.dataset import Data
from dl_runner.data.splits import TensorSplit
from dl_runner.spec import Classes, DataSpec, Vector


def separable_points(
    root: Path,
    *,
    margin: Fraction = 0.1,
    radius: Positive = 2.0,
    angle: float = 60.0,
    examples: PositiveInt = 200,
    test_examples: PositiveInt = 200,
    seed: int = 0,
) -> Data:
    """Points (n, 2), uniform in a disk around the origin except a strip along the line ⟨u, x⟩ = 0, ‖u‖ = 1.

    Class 1 where ⟨u, x⟩ > 0. Every point keeps y⟨u, x⟩ >= ρ = margin · radius with y = ±1, so a perceptron that starts
    at zero makes at most (radius² + 1) / ρ² updates (Novikoff, 1962, with the bias as one more weight).

    Args:
        root: not needed.
        margin: half the width of the empty strip, as a share of the radius, in [0, 1).
        radius: of the disk, > 0.
        angle: of u, in degrees from the first axis.
        examples: for training (and validation).
        test_examples: for the test split; the same ones whatever `examples` is.
        seed: >= 0.
    """
    across = np.array([math.cos(math.radians(angle)), math.sin(math.radians(angle))])

    def split(count: int, stream: int) -> TensorSplit:
        generator = np.random.default_rng([seed, stream])
        kept = np.empty((0, 2))
        while len(kept) < count:
            points = generator.uniform(-radius, radius, (4 * count, 2))
            inside = np.hypot(*points.T) <= radius
            kept = np.concatenate([kept, points[inside & (abs(points @ across) >= margin * radius)]])
        points = kept[:count]
        return TensorSplit(torch.from_numpy(points).float(), torch.from_numpy(points @ across > 0).long())

    spec = DataSpec(Vector(2), Classes(("below the line", "above the line")), "classification")
    return Data(spec, train=split(examples, 1), test=split(test_examples, 2))
