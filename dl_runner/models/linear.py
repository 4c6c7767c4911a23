"""Linear regression: ŷ = Wx + b."""

from torch import nn

from dl_runner.layers.shapes import flat_size
from dl_runner.spec import DataSpec


def linear(data: DataSpec) -> nn.Module:
    """One affine map of the flattened example; (batch, …) → (batch, outputs)."""
    return nn.Sequential(nn.Flatten(), nn.Linear(flat_size(data, "linear"), data.outputs))
