"""Linear regression with a known answer: y = Xw + b + noise, X ~ N(0, 1), noise ~ N(0, noise²)."""

from pathlib import Path

import numpy as np
import torch

from dl_runner.config.types import NonNegative, PositiveInt
from dl_runner.data.dataset import Data
from dl_runner.data.splits import TensorSplit
from dl_runner.errors import UserError
from dl_runner.spec import DataSpec, Numbers, Vector


def synthetic_regression(
    root: Path,
    *,
    weight: tuple[float, ...] = (2.0, -3.4),
    features: PositiveInt | None = None,
    bias: float = 4.2,
    noise: NonNegative = 0.01,
    examples: PositiveInt = 1000,
    test_examples: PositiveInt = 1000,
    seed: int = 0,
) -> Data:
    """Vectors float32 (n, features) and targets float32 (n, 1).

    Args:
        root: not needed.
        weight: w, at least one number.
        features: the length of w; a weight of one number is repeated so many times. None: as many as `weight` has.
        bias: b.
        noise: standard deviation of the noise, >= 0.
        examples: for training (and validation).
        test_examples: for the test split; the same ones whatever `examples` is.
        seed: >= 0.

    Raises:
        UserError: an empty weight, or one of several numbers that are not `features`.
    """
    if not weight:
        raise UserError("data.weight=[]: needs at least one number, one for each feature")
    if features not in (None, len(weight)):
        if len(weight) > 1:
            raise UserError(
                f"data.features={features}: data.weight has {len(weight)} numbers; give it {features}, or one to repeat"
            )
        weight = tuple(weight) * features
    spec = DataSpec(Vector(len(weight)), Numbers(1), "regression")

    def draw(n: int, stream: int) -> TensorSplit:
        generator = np.random.default_rng([seed, stream])
        inputs = generator.standard_normal((n, len(weight)))
        targets = inputs @ np.asarray(weight) + bias + noise * generator.standard_normal(n)
        return TensorSplit(torch.from_numpy(inputs).float(), torch.from_numpy(targets).float().unsqueeze(1))

    return Data(spec, train=draw(examples, 1), test=draw(test_examples, 2))
