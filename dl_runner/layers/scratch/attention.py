"""Scaled dot-product attention (Vaswani et al., 2017) with a masked softmax.

A = softmax(QKᵀ / √size), Y = AV: row i of A are the weights with which query i averages the values. The products of
longer vectors vary more, by their size; the root takes that out, so that the softmax does not begin saturated.

The softmax is over the keys that a query sees: the others' logits count as −∞, hence their weights as 0. A query that
sees none has no weights at all: its row is 0, not 0/0.
"""

import math

import torch
from torch import Tensor

from dl_runner.layers.attention import DotProductAttention, causal_mask
from dl_runner.layers.scratch.dropout import dropout
from dl_runner.layers.scratch.softmax import softmax


def masked_softmax(logits: Tensor, mask: Tensor | None = None) -> Tensor:
    """Weights of the same shape along the last dimension: 0 where `mask` is False, and their sum 1, or 0 without any.

    Args:
        mask: bool, broadcasts over `logits`; None for all True.
    """
    if mask is None:
        return softmax(logits)
    # The lowest finite number stands for −∞, which a row of nothing else would make NaN, its gradients too.
    return softmax(logits.masked_fill(~mask, torch.finfo(logits.dtype).min)).masked_fill(~mask, 0.0)


def attention_weights(queries: Tensor, keys: Tensor, mask: Tensor | None = None) -> Tensor:
    """(…, queries, size) and (…, keys, size) → (…, queries, keys)."""
    return masked_softmax(queries @ keys.transpose(-2, -1) / math.sqrt(queries.shape[-1]), mask)


class ScratchDotProductAttention(DotProductAttention):
    """`DotProductAttention`, computed by `attention_weights`."""

    def forward(
        self, queries: Tensor, keys: Tensor, values: Tensor, mask: Tensor | None = None, causal: bool = False
    ) -> Tensor:
        if causal:
            earlier = causal_mask(queries.shape[-2], keys.shape[-2], queries.device)
            mask = earlier if mask is None else mask & earlier
        weights = attention_weights(queries, keys, mask)
        return (dropout(weights, self.dropout) if self.training and self.dropout > 0 else weights) @ values
