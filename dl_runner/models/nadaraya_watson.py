"""Kernel regression (Nadaraya, 1964; Watson, 1964): attention before it had the name.

f(q) = Σ α(q, kᵢ) vᵢ over the points (kᵢ, vᵢ) that are known: the nearer a key kᵢ is to the query q, the more its value
counts. Dive into Deep Learning, "Attention pooling". With the Gaussian kernel of width σ, w = 1 / σ:

α(q, kᵢ) = softmax over i of −((q − kᵢ) w)² / 2
"""

from typing import Literal

import torch
from torch import Tensor, nn

from dl_runner.config.types import Positive
from dl_runner.errors import UserError
from dl_runner.layers.scratch.attention import masked_softmax
from dl_runner.layers.shapes import shown
from dl_runner.spec import DataSpec, Fields, Numbers

NAMES = ("query", "keys", "values", "seen")


class NadarayaWatson(nn.Module):
    """A query without any point gets 0.

    Args:
        w: one over the kernel's width, (1,); None for no kernel: all points count the same.
    """

    def __init__(self, w: Tensor | nn.Parameter | None) -> None:
        super().__init__()
        if isinstance(w, nn.Parameter):
            self.w = w
        else:
            self.register_buffer("w", w)

    def weights(self, query: Tensor, keys: Tensor, seen: Tensor) -> Tensor:
        """α, as `forward`: (batch, points), 0 for points that are not seen."""
        distances = torch.zeros_like(keys) if self.w is None else (query - keys) * self.w
        return masked_softmax(-distances.square() / 2, seen > 0)

    def forward(self, query: Tensor, keys: Tensor, values: Tensor, seen: Tensor) -> Tensor:
        """Query (batch, 1), keys and values (batch, points), which of them are seen: 1 or 0 → (batch, 1)."""
        return (self.weights(query, keys, seen) * values).sum(1, keepdim=True)


def nadaraya_watson(
    data: DataSpec, *, pooling: Literal["average", "gaussian", "learned"] = "learned", width: Positive = 1.0
) -> nn.Module:
    """See `NadarayaWatson`.

    Args:
        pooling: "average" gives every query the mean of the values. "gaussian" has a fixed kernel. "learned" learns its
            w, which begins at a random number of [0, 1); the other two have nothing to learn, so they are not trained
            (experiment=lessons/attention_pooling compares the three).
        width: σ of the fixed kernel, in the unit of the keys.

    Raises:
        UserError: the data are no queries with known points.
    """
    fields = dict(data.inputs.fields) if isinstance(data.inputs, Fields) else {}
    if fields.keys() != set(NAMES) or not isinstance(data.targets, Numbers) or data.outputs != 1:
        found = f"inputs are {shown(data.inputs)} and whose targets are {shown(data.targets)}"
        raise UserError(
            f"model=nadaraya_watson: answers a query from known points, as those of data=kernel_regression; it is not "
            f"for data whose {found}"
        )
    w = {"average": None, "gaussian": torch.tensor([1 / width])}
    return NadarayaWatson(w[pooling] if pooling in w else nn.Parameter(torch.rand(1)))
