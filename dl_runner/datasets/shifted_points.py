"""Covariate shift: inputs are distributed otherwise in the test split than in training, their targets given them alike.

The example of Shimodaira (2000), Improving predictive inference under covariate shift by weighting the log-likelihood
function: y = −x + x³ + noise, x ~ N(0.5, 0.5²) in training and N(0, 0.3²) in the test.
"""

from pathlib import Path
from typing import Literal

import numpy as np
import torch

from dl_runner.config.types import NonNegative, PositiveInt
from dl_runner.data.dataset import Data
from dl_runner.data.splits import TensorSplit
from dl_runner.spec import Classes, DataSpec, Numbers, Vector

TRAINING, TEST = (0.5, 0.5), (0.0, 0.3)  # mean and standard deviation of x


def true_log_ratio() -> tuple[float, float, float]:
    """Of the two densities of x, log of the test's over the training's: the coefficients of 1, x, x²."""
    (m, s), (n, t) = TRAINING, TEST
    return float(np.log(s / t) + m * m / (2 * s * s) - n * n / (2 * t * t)), n / t**2 - m / s**2, (s**-2 - t**-2) / 2


def shifted_points(
    root: Path,
    *,
    targets: Literal["numbers", "origin"] = "numbers",
    log_ratio: tuple[float, ...] = (),
    noise: NonNegative = 0.3,
    examples: PositiveInt = 1000,
    test_examples: PositiveInt = 1000,
    seed: int = 0,
) -> Data:
    """Vectors (n, 1); targets (n, 1), or where a point is from.

    Args:
        root: not needed.
        targets: "numbers" y, or "origin": half of the training points are those of training, labelled so, and half are
            of the test's distribution; these are no points of the test split.
        log_ratio: coefficients of 1, x, x², …, of the logarithm of an importance weight: the training points are drawn
            again, with replacement, with a probability in proportion to it. None: they are taken as they are.
        noise: standard deviation of y.
        examples: for training, of each origin.
        test_examples: for the test split.
        seed: >= 0.
    """

    def draw(count: int, of: tuple[float, float], stream: int) -> tuple[np.ndarray, np.ndarray]:
        random = np.random.default_rng([seed, stream])
        x = random.normal(*of, count)
        return x, x**3 - x + noise * random.standard_normal(count)

    def split(x: np.ndarray, y: np.ndarray) -> TensorSplit:
        tensors = torch.from_numpy(x).to(torch.get_default_dtype())[:, None], torch.from_numpy(y)
        return TensorSplit(tensors[0], tensors[1] if y.ndim == 1 else tensors[1].to(torch.get_default_dtype()))

    x, y = draw(examples, TRAINING, 1)
    if targets == "origin":
        others, held = (draw(count, TEST, stream)[0] for count, stream in ((examples, 3), (test_examples, 2)))
        more = draw(test_examples, TRAINING, 4)[0]
        spec = DataSpec(Vector(1), Classes(("training", "test")), "classification")
        return Data(
            spec,
            split(np.concatenate([x, others]), np.repeat([0, 1], examples)),
            test=split(np.concatenate([more, held]), np.repeat([0, 1], test_examples)),
        )
    if log_ratio:
        logs = np.polynomial.polynomial.polyval(x, log_ratio)
        weights = np.exp(logs - logs.max())
        again = np.random.default_rng([seed, 5]).choice(examples, examples, p=weights / weights.sum())
        x, y = x[again], y[again]
    spec = DataSpec(Vector(1), Numbers(1), "regression")
    tested, answers = draw(test_examples, TEST, 2)
    return Data(spec, split(x, y[:, None]), test=split(tested, answers[:, None]))
