"""Exclusive or: two classes of points in the plane that no straight line tells apart."""

from pathlib import Path

import numpy as np
import torch

from dl_runner.config.types import NonNegative, PositiveInt
from dl_runner.data.dataset import Data
from dl_runner.data.splits import TensorSplit
from dl_runner.spec import Classes, DataSpec, Vector

CORNERS = ((-1, -1), (1, 1), (-1, 1), (1, -1))


def xor(
    root: Path,
    *,
    noise: NonNegative = 0.2,
    examples: PositiveInt = 200,
    test_examples: PositiveInt = 200,
    seed: int = 0,
) -> Data:
    """Points (n, 2) around the corners (±1, ±1): class 1 where the signs of the two coordinates differ.

    The corners take turns, so that four examples without noise are the truth table itself (Minsky and Papert, 1969).

    Args:
        root: not needed.
        noise: standard deviation of each coordinate around its corner, >= 0.
        examples: for training (and validation).
        test_examples: for the test split; the same ones whatever `examples` is.
        seed: >= 0.
    """

    def split(count: int, stream: int) -> TensorSplit:
        generator = np.random.default_rng([seed, stream])
        corners = np.resize(CORNERS, (count, 2))
        points = corners + noise * generator.standard_normal((count, 2))
        return TensorSplit(torch.from_numpy(points).float(), torch.from_numpy(corners[:, 0] != corners[:, 1]).long())

    spec = DataSpec(Vector(2), Classes(("same sign", "different signs")), "classification")
    return Data(spec, train=split(examples, 1), test=split(test_examples, 2))
