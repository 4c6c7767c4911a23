"""Linear regression: ŷ = Wx + b."""

import math

from torch import nn

from dl_runner.spec import DataSpec


def linear(data: DataSpec) -> nn.Module:
    """One affine map of the flattened example; (batch, …) → (batch, outputs)."""
    return nn.Sequential(nn.Flatten(), nn.Linear(math.prod(data.input_shape), data.outputs))
