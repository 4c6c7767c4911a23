"""Layer normalization (Ba et al., 2016): every example's, or every place's, own numbers get mean 0 and variance 1.

y = γ · (x − μ) / √(σ² + ε) + β

μ and σ², which divides by n, are over the last dimensions of x, so that an output depends on nothing else in the batch
and training and evaluation are the same; γ and β have the shape of those dimensions.
"""

import torch
from torch import Tensor, nn


def layer_norm(
    x: Tensor, dims: int = 1, weight: Tensor | None = None, bias: Tensor | None = None, eps: float = 1e-5
) -> Tensor:
    """Normalize over the last `dims` dimensions; the shape stays.

    Args:
        weight: the scale γ, of their shape; None for 1.
        bias: the shift β, likewise; None for 0.
    """
    over = tuple(range(-dims, 0))
    wide = x.to(torch.promote_types(x.dtype, torch.float32))  # squares do not fit a half-precision number
    centered = wide - wide.mean(over, keepdim=True)
    y = centered / torch.sqrt(centered.square().mean(over, keepdim=True) + eps)
    y = y if weight is None else y * weight
    return (y if bias is None else y + bias).to(x.dtype)


class ScratchLayerNorm(nn.LayerNorm):
    """`nn.LayerNorm`, computed by `layer_norm`."""

    def forward(self, x: Tensor) -> Tensor:
        return layer_norm(x, len(self.normalized_shape), self.weight, self.bias, self.eps)
