"""Positions as vectors: attention itself does not know which place comes first."""

import torch
from torch import Tensor, nn


def sinusoids(places: int, width: int) -> Tensor:
    """(places, width): sin(p / 10000^(2i / width)) in column 2i at place p, the cosine of the same in column 2i + 1
    (Vaswani et al., 2017, section 3.5)."""
    rates = 10_000.0 ** (-torch.arange(0, width, 2, dtype=torch.float64) / width)
    angles = torch.arange(places, dtype=torch.float64)[:, None] * rates  # (places, half the width)
    return torch.stack([angles.sin(), angles.cos()], 2).flatten(1)[:, :width].to(torch.get_default_dtype())


class SinusoidalPositions(nn.Module):
    """As an `nn.Embedding(places, width)` is called, (length,) → (length, width), but with nothing to learn."""

    def __init__(self, places: int, width: int) -> None:
        super().__init__()
        self.register_buffer("table", sinusoids(places, width), persistent=False)

    def forward(self, places: Tensor) -> Tensor:
        return self.table[places]
