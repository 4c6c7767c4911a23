"""The blocks of a Transformer: attention between the places, then a perceptron at each of them."""

from typing import Any

from torch import Tensor, nn

from dl_runner.layers.activations import Activation, activation
from dl_runner.layers.attention import CrossAttention, Memory, SelfAttention


class _Block(nn.Module):
    """What the blocks have in common: attention of the places to one another, and the perceptron.

    Args:
        width: of the vectors, a multiple of `heads`.
        hidden: units of the perceptron; None for four times the width.
        function: its activation function.
        bias: of the linear layers and the normalization.
        pre_norm: normalize what each of the two reads (Radford et al., 2019), which trains without a warm-up (Xiong et
            al., 2020), rather than the sum behind it (Vaswani et al., 2017).
        causal: a place sees itself and those before it.
    """

    def __init__(
        self,
        width: int,
        heads: int,
        *,
        dropout: float,
        hidden: int | None = None,
        function: Activation = "gelu",
        bias: bool = True,
        pre_norm: bool = True,
        causal: bool = True,
    ) -> None:
        super().__init__()
        self.pre_norm, hidden = pre_norm, hidden or 4 * width
        self.norm1, self.norm2 = nn.LayerNorm(width, bias=bias), nn.LayerNorm(width, bias=bias)
        self.attention = SelfAttention(width, heads, bias=bias, dropout=dropout, causal=causal)
        self.perceptron = nn.Sequential(
            nn.Linear(width, hidden, bias), activation(function), nn.Linear(hidden, width, bias)
        )
        self.dropout = nn.Dropout(dropout)

    def _attend(self, x: Tensor, before: Memory | None, mask: Tensor | None) -> tuple[Tensor, Memory]:
        attended, memory = self.attention(self.norm1(x) if self.pre_norm else x, before, mask)
        x = x + self.dropout(attended)
        return (x if self.pre_norm else self.norm1(x)), memory

    def _compute(self, x: Tensor) -> Tensor:
        if self.pre_norm:
            return x + self.dropout(self.perceptron(self.norm2(x)))
        return self.norm2(x + self.dropout(self.perceptron(x)))


class SelfAttentionBlock(_Block):
    """x + attention, then x + perceptron, each with dropout and its own layer normalization; arguments of `_Block`."""

    def forward(self, x: Tensor, before: Memory | None = None, mask: Tensor | None = None) -> tuple[Tensor, Memory]:
        """(batch, length, width) → the same shape, and the attention's keys and values; see `SelfAttention`."""
        x, memory = self._attend(x, before, mask)
        return self._compute(x), memory


class DecoderBlock(_Block):
    """A causal `SelfAttentionBlock` that also looks at another sequence, before its perceptron."""

    def __init__(self, width: int, heads: int, *, dropout: float, bias: bool = True, **options: Any) -> None:
        super().__init__(width, heads, dropout=dropout, bias=bias, **options)
        self.norm_other = nn.LayerNorm(width, bias=bias)
        self.look = CrossAttention(width, heads, bias=bias, dropout=dropout)

    def forward(
        self, x: Tensor, other: Memory, mask: Tensor | None = None, before: Memory | None = None
    ) -> tuple[Tensor, Memory]:
        """(batch, length, width) → the same shape, and the self-attention's keys and values.

        Args:
            other: of the other sequence, by `look.remember`.
            mask: which of its places are seen; see `CrossAttention`.
            before: see `SelfAttention`.
        """
        x, memory = self._attend(x, before, None)
        if self.pre_norm:
            x = x + self.dropout(self.look(self.norm_other(x), other, mask))
        else:
            x = self.norm_other(x + self.dropout(self.look(x, other, mask)))
        return self._compute(x), memory
