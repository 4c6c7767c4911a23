"""Attention (Vaswani et al., 2017): each query's weighted mean of the values, by how well it matches their keys."""

import torch
from torch import Tensor, nn
from torch.nn import functional as F

Memory = Tensor  # keys and values of what has been read, (batch, 2, heads, length, size)


def causal_mask(queries: int, keys: int, device: torch.device | None = None) -> Tensor:
    """Which keys each query sees, those up to its own place: bool (queries, keys); the queries are at the end."""
    return torch.ones(queries, keys, dtype=torch.bool, device=device).tril(keys - queries)


class DotProductAttention(nn.Module):
    """softmax(QKᵀ / √size) V by torch's kernels; a query without any key gets zeros.

    Args:
        dropout: the probability with which a weight is dropped in training.
    """

    def __init__(self, dropout: float = 0.0) -> None:
        super().__init__()
        self.dropout = dropout

    def forward(
        self, queries: Tensor, keys: Tensor, values: Tensor, mask: Tensor | None = None, causal: bool = False
    ) -> Tensor:
        """(…, queries, size), (…, keys, size) and (…, keys, depth) → (…, queries, depth).

        Args:
            mask: bool, broadcasts over (…, queries, keys); True where a query sees a key. None: everywhere.
            causal: a query sees no key behind its own place as well, where the queries are the last of the keys.
        """
        places, rate = (queries.shape[-2], keys.shape[-2]), self.dropout if self.training else 0.0
        kernel = causal and mask is None and places[0] == places[1]  # which makes no mask
        if causal and not kernel and places[0] > 1:
            earlier = causal_mask(*places, queries.device)
            mask = earlier if mask is None else mask & earlier
        return F.scaled_dot_product_attention(queries, keys, values, mask, rate, is_causal=kernel)


class SelfAttention(nn.Module):
    """Multi-head attention of the places of a sequence to one another.

    Args:
        width: of the vectors, a multiple of `heads`.
        bias: of the projections.
        dropout: of the weights.
        causal: a place sees itself and those before it.
    """

    def __init__(self, width: int, heads: int, *, bias: bool = True, dropout: float = 0.0, causal: bool = True) -> None:
        super().__init__()
        self.heads, self.causal = heads, causal
        self.project = nn.Linear(width, 3 * width, bias)  # queries, keys and values of all heads
        self.attend = DotProductAttention(dropout)
        self.join = nn.Linear(width, width, bias)

    def forward(self, x: Tensor, before: Memory | None = None, mask: Tensor | None = None) -> tuple[Tensor, Memory]:
        """(batch, length, width) → the same shape, and the keys and values to give for what comes next.

        Args:
            before: keys and values of the places in front of `x`.
            mask: see `DotProductAttention`.
        """
        projected = self.project(x).unflatten(-1, (3, self.heads, -1)).permute(0, 2, 3, 1, 4)
        queries, memory = projected[:, 0], projected[:, 1:]  # (batch, heads, length, size), and a `Memory`
        if before is not None:
            memory = torch.cat([before, memory], 3)
        attended = self.attend(queries, *memory.unbind(1), mask, self.causal)  # (batch, heads, length, size)
        return self.join(attended.transpose(1, 2).flatten(2)), memory


class CrossAttention(nn.Module):
    """Multi-head attention of the places of one sequence to those of another.

    Args:
        width: of the vectors of both, a multiple of `heads`.
        bias: of the projections.
        dropout: of the weights.
    """

    def __init__(self, width: int, heads: int, *, bias: bool = True, dropout: float = 0.0) -> None:
        super().__init__()
        self.heads = heads
        self.query = nn.Linear(width, width, bias)
        self.project = nn.Linear(width, 2 * width, bias)  # keys and values of all heads
        self.attend = DotProductAttention(dropout)
        self.join = nn.Linear(width, width, bias)

    def remember(self, other: Tensor) -> Memory:
        """The keys and values of the sequence that is looked at, (batch, places, width): the same for every query."""
        return self.project(other).unflatten(-1, (2, self.heads, -1)).permute(0, 2, 3, 1, 4)

    def forward(self, x: Tensor, memory: Memory, mask: Tensor | None = None) -> Tensor:
        """(batch, length, width) → the same shape.

        Args:
            memory: by `remember`.
            mask: bool, broadcasts over (batch, heads, length, places); see `DotProductAttention`.
        """
        queries = self.query(x).unflatten(-1, (self.heads, -1)).transpose(1, 2)  # (batch, heads, length, size)
        attended = self.attend(queries, *memory.unbind(1), mask, False)
        return self.join(attended.transpose(1, 2).flatten(2))
