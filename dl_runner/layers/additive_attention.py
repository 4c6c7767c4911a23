"""Additive attention (Bahdanau et al., 2015): a small network scores how well a key fits a query.

score(q, kᵢ) = v · tanh(W_q q + W_k kᵢ + b)    α = softmax(scores of the keys that are seen)    y = Σ αᵢ valueᵢ
"""

import torch
from torch import Tensor, nn


class AdditiveAttention(nn.Module):
    """A query's weighted mean of the values; zeros for one that sees no key.

    Args:
        query_size, key_size: of a vector of each.
        hidden: units of the network.
        dropout: the probability with which a weight is dropped in training.
    """

    def __init__(self, query_size: int, key_size: int, hidden: int, dropout: float = 0.0) -> None:
        super().__init__()
        self.query = nn.Linear(query_size, hidden, bias=False)
        self.key = nn.Linear(key_size, hidden)
        self.score = nn.Linear(hidden, 1, bias=False)
        self.dropout = nn.Dropout(dropout)

    def project(self, keys: Tensor) -> Tensor:
        """W_k k + b, which is the same for every query: (batch, places, key_size) → (batch, places, hidden)."""
        return self.key(keys)

    def weights(self, query: Tensor, projected: Tensor, mask: Tensor) -> Tensor:
        """As `forward`, the weights α: (batch, places), zeros where nothing is seen."""
        scores = self.score(torch.tanh(projected + self.query(query).unsqueeze(1))).squeeze(-1)
        # The lowest finite number stands for −∞, which a row of nothing else would make NaN.
        return torch.where(mask, torch.where(mask, scores, torch.finfo(scores.dtype).min).softmax(-1), 0.0)

    def forward(self, query: Tensor, projected: Tensor, values: Tensor, mask: Tensor) -> Tensor:
        """One query of each example → (batch, size of a value).

        Args:
            query: (batch, query_size).
            projected: of the keys, by `project`.
            values: (batch, places, …).
            mask: bool (batch, places), True where a key is seen.
        """
        weights = self.dropout(self.weights(query, projected, mask))
        return torch.bmm(weights.unsqueeze(1), values).squeeze(1)
