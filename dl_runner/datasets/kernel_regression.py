"""Points of a curve with noise, and queries that are answered from them, for attention pooling."""

from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from dl_runner.config.types import NonNegative, PositiveInt
from dl_runner.data.dataset import Data
from dl_runner.data.splits import TensorSplit
from dl_runner.errors import UserError
from dl_runner.spec import DataSpec, Fields, Numbers, Vector

REACH = 5.0


def curve(x: Tensor) -> Tensor:
    """2 sin x + x^0.8."""
    return 2 * x.sin() + x**0.8


def kernel_regression(
    root: Path, *, examples: PositiveInt = 50, test_examples: PositiveInt = 50, noise: NonNegative = 0.5, seed: int = 0
) -> Data:
    """y = 2 sin x + x^0.8 + noise, x uniform in [0, 5), as in Dive into Deep Learning.

    An example is a query x, (1,), with the training points, sorted: their "keys" x and "values" y, (examples,), and
    which of them are "seen", 1 or 0. A training point is asked for without itself, or it would be its own best answer.
    A test query sees all points; its target is the curve without noise.

    Args:
        root: not needed.
        examples: training points, at least two.
        test_examples: queries, at equal distances.
        noise: its standard deviation.
        seed: >= 0.

    Raises:
        UserError: a single training point, which is left without another.
    """
    if examples < 2:
        raise UserError(f"data.examples={examples}: each point is asked for from the others, so there have to be two")
    random = np.random.default_rng(seed)
    keys = torch.tensor(np.sort(REACH * random.random(examples)), dtype=torch.float32)
    values = curve(keys) + torch.tensor(noise * random.standard_normal(examples), dtype=torch.float32)

    def split(queries: Tensor, targets: Tensor, seen: Tensor) -> TensorSplit:
        known = {"keys": keys.expand(len(queries), -1), "values": values.expand(len(queries), -1)}
        known = {name: one.contiguous() for name, one in known.items()}
        return TensorSplit({"query": queries[:, None], **known, "seen": seen}, targets[:, None])

    queries = torch.arange(test_examples) * (REACH / test_examples)
    points = Vector(examples)
    spec = DataSpec(Fields.of(query=Vector(1), keys=points, values=points, seen=points), Numbers(1), "regression")
    return Data(
        spec,
        train=split(keys, values, 1 - torch.eye(examples)),
        test=split(queries, curve(queries), torch.ones(test_examples, examples)),
    )
