"""Additive attention (Bahdanau et al., 2015): scores of a network with one hidden layer, then a masked softmax.

score(q, kᵢ) = Σⱼ vⱼ tanh(W_q q + W_k kᵢ + b)ⱼ    y = Σ αᵢ valueᵢ, α = masked softmax of the scores
"""

from torch import Tensor

from dl_runner.layers.additive_attention import AdditiveAttention
from dl_runner.layers.scratch.activations import tanh
from dl_runner.layers.scratch.attention import masked_softmax


def additive_scores(query: Tensor, keys: Tensor, v: Tensor) -> Tensor:
    """(batch, hidden) and (batch, places, hidden), which are projected, and v (hidden,) → (batch, places)."""
    return (tanh(keys + query[:, None]) * v).sum(-1)


class ScratchAdditiveAttention(AdditiveAttention):
    """`AdditiveAttention`, computed by `additive_scores`; its linear layers and its dropout have twins themselves."""

    def weights(self, query: Tensor, projected: Tensor, mask: Tensor) -> Tensor:
        return masked_softmax(additive_scores(self.query(query), projected, self.score.weight[0]), mask)

    def forward(self, query: Tensor, projected: Tensor, values: Tensor, mask: Tensor) -> Tensor:
        weights = self.dropout(self.weights(query, projected, mask))
        return (weights[:, :, None] * values).sum(1)
