"""A GPT without a causal mask: a mistake on purpose, for the lesson on the mask."""

from torch import Tensor, nn

from dl_runner.config.types import PositiveInt
from dl_runner.layers.shapes import require_next_tokens
from dl_runner.models.gpt import gpt
from dl_runner.spec import DataSpec


class _Unmasked(nn.Module):
    """Every place sees all others; nothing can be kept between calls, as an earlier place changes with each later one.

    Args:
        model: whose masks are taken away.
    """

    def __init__(self, model: nn.Module) -> None:
        super().__init__()
        self.model = model
        for block in model.blocks:
            block.attention.causal = False

    def forward(self, tokens: Tensor) -> Tensor:
        return self.model(tokens)


def unmasked_gpt(
    data: DataSpec, *, layers: PositiveInt = 4, heads: PositiveInt = 4, width: PositiveInt = 128
) -> nn.Module:
    """As `gpt`, but a place sees the next token too, which it is to predict: its loss says nothing about writing.

    Args:
        layers: blocks, one above the other.
        heads: of the attention, each of width / heads numbers.
        width: of the vectors.

    Raises:
        UserError: as for `gpt`.
    """
    require_next_tokens(data, "unmasked_gpt")
    return _Unmasked(gpt(data, layers=layers, heads=heads, width=width))
