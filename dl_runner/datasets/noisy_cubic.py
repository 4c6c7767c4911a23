"""A one-variable cubic with noise, for the lesson on under- and overfitting."""

import math
from pathlib import Path

import numpy as np
import torch

from dl_runner.config.types import NonNegative, PositiveInt
from dl_runner.data.dataset import Data
from dl_runner.data.splits import TensorSplit
from dl_runner.spec import DataSpec, Numbers, Vector


def noisy_cubic(
    root: Path,
    *,
    weight: tuple[float, ...] = (5.0, 1.2, -3.4, 5.6),
    noise: NonNegative = 0.1,
    examples: PositiveInt = 100,
    test_examples: PositiveInt = 100,
    seed: int = 0,
) -> Data:
    """y = Σ wᵢ xⁱ / i! + noise with x ~ N(0, 1), as in Dive into Deep Learning; vectors (n, 1), targets (n, 1).

    Args:
        root: not needed.
        weight: w₀, w₁, …; four numbers make a cubic.
        noise: its standard deviation.
        examples: for training.
        test_examples: for the test split; the same ones whatever `examples` is.
        seed: >= 0.
    """

    def split(count: int, stream: int) -> TensorSplit:
        random = np.random.default_rng(np.random.SeedSequence(seed, spawn_key=(stream,)))
        x = random.standard_normal(count)
        y = sum(w * x**power / math.factorial(power) for power, w in enumerate(weight))
        y = y + noise * random.standard_normal(count)
        return TensorSplit(torch.tensor(x, dtype=torch.float32)[:, None], torch.tensor(y, dtype=torch.float32)[:, None])

    spec = DataSpec(Vector(1), Numbers(1), "regression")
    return Data(spec, train=split(examples, 0), test=split(test_examples, 1))
