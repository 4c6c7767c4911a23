"""A layer without parameters."""

from torch import Tensor, nn


class Centered(nn.Module):
    """y = x − mean(x), over the features of each example; (…, features) → (…, features), each with mean 0."""

    def forward(self, x: Tensor) -> Tensor:
        return x - x.mean(dim=-1, keepdim=True)
