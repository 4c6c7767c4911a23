"""The block of a Transformer: attention between the places, then a perceptron at each of them."""

from torch import Tensor, nn

from dl_runner.layers.attention import Memory, SelfAttention


class SelfAttentionBlock(nn.Module):
    """x + attention, then x + perceptron, each with dropout and its own layer normalization.

    Args:
        width: of the vectors, a multiple of `heads`; the perceptron's hidden layer is four times as wide.
        bias: of the linear layers and the normalization.
        pre_norm: normalize what each of the two reads (Radford et al., 2019), which trains without a warm-up (Xiong et
            al., 2020), rather than the sum behind it (Vaswani et al., 2017).
        causal: a place sees itself and those before it.
    """

    def __init__(
        self, width: int, heads: int, *, dropout: float, bias: bool = True, pre_norm: bool = True, causal: bool = True
    ) -> None:
        super().__init__()
        self.pre_norm = pre_norm
        self.norm1, self.norm2 = nn.LayerNorm(width, bias=bias), nn.LayerNorm(width, bias=bias)
        self.attention = SelfAttention(width, heads, bias=bias, dropout=dropout, causal=causal)
        self.perceptron = nn.Sequential(nn.Linear(width, 4 * width, bias), nn.GELU(), nn.Linear(4 * width, width, bias))
        self.dropout = nn.Dropout(dropout)

    def forward(self, x: Tensor, before: Memory | None = None) -> tuple[Tensor, Memory]:
        """(batch, length, width) → the same shape, and the attention's keys and values; see `SelfAttention`."""
        attended, memory = self.attention(self.norm1(x) if self.pre_norm else x, before)
        x = x + self.dropout(attended)
        if self.pre_norm:
            return x + self.dropout(self.perceptron(self.norm2(x))), memory
        x = self.norm1(x)
        return self.norm2(x + self.dropout(self.perceptron(x))), memory
