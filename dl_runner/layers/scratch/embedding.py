"""A learnt vector for each token or category: row number x of a matrix.

x (…), W (numbers, size), y (…, size).
"""

from torch import Tensor, nn


def embedding(x: Tensor, weight: Tensor, padding: int | None = None) -> Tensor:
    """(…) → (…, size); row `padding` does not learn."""
    y = weight[x]
    return y if padding is None else y.where((x != padding).unsqueeze(-1), y.detach())


class ScratchEmbedding(nn.Embedding):
    """`nn.Embedding`, computed by `embedding`."""

    def forward(self, x: Tensor) -> Tensor:
        return embedding(x, self.weight, self.padding_idx)
