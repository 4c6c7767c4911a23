"""A decoder-only Transformer (GPT; Radford et al., 2018 and 2019): a language model of causal self-attention."""

import math
from typing import Literal, NamedTuple

import torch
from torch import Tensor, nn

from dl_runner.config.types import Fraction, PositiveInt
from dl_runner.errors import UserError
from dl_runner.layers.attention import Memory
from dl_runner.layers.positions import SinusoidalPositions
from dl_runner.layers.shapes import require_next_tokens
from dl_runner.layers.transformer import SelfAttentionBlock
from dl_runner.spec import DataSpec


class Cache(NamedTuple):
    """What a text leaves behind: its tokens (batch, length ≤ context), and the keys and values of each block."""

    tokens: Tensor
    memories: tuple[Memory | None, ...]


class GPT(nn.Module):
    """Logits for the token after each one.

    It has no state of its own accord, but given one it goes on from it and returns the next beside the logits: the
    cache for generation, which `empty_state` begins.

    Args:
        context: the most tokens that it sees.
        positions: (length,) → (length, width), for places 0 … context − 1.
        scale: factor of the embeddings, to which the positions are added.
        norm: behind the last block.
    """

    def __init__(
        self,
        context: int,
        embedding: nn.Embedding,
        positions: nn.Module,
        scale: float,
        dropout: float,
        blocks: list[SelfAttentionBlock],
        norm: nn.Module,
        head: nn.Linear,
    ) -> None:
        super().__init__()
        self.context, self.scale = context, scale
        self.embedding, self.positions, self.dropout = embedding, positions, nn.Dropout(dropout)
        self.blocks, self.norm, self.head = nn.ModuleList(blocks), norm, head

    def forward(self, tokens: Tensor, state: Cache | None = None) -> Tensor | tuple[Tensor, Cache]:
        if state is None:
            return self._read(tokens, 0, (None,) * len(self.blocks))[0]
        seen, memories = torch.cat([state.tokens, tokens], 1), state.memories
        if seen.shape[1] > self.context:
            # The window moves on, and with it the position of every token: all is read anew.
            seen = tokens = seen[:, -self.context :]
            memories = (None,) * len(self.blocks)
        logits, memories = self._read(tokens, seen.shape[1] - tokens.shape[1], memories)
        return logits, Cache(seen, memories)

    def empty_state(self, examples: int) -> Cache | None:
        """The cache before the first token of so many texts; None where earlier places change with each later one."""
        if not all(block.attention.causal for block in self.blocks):
            return None
        return Cache(self.head.weight.new_empty(examples, 0, dtype=torch.int64), (None,) * len(self.blocks))

    def _read(self, tokens: Tensor, first: int, before: tuple[Memory | None, ...]) -> tuple[Tensor, tuple[Memory, ...]]:
        places = torch.arange(first, first + tokens.shape[1], device=tokens.device)
        embedded = self.embedding(tokens)
        x = self.dropout((embedded if self.scale == 1 else embedded * self.scale) + self.positions(places))
        after = []
        for block, memory in zip(self.blocks, before, strict=True):
            x, memory = block(x, memory)
            after.append(memory)
        return self.head(self.norm(x)), tuple(after)


def gpt(
    data: DataSpec,
    *,
    layers: PositiveInt = 4,
    heads: PositiveInt = 4,
    width: PositiveInt = 128,
    dropout: Fraction = 0.0,
    positions: Literal["learned", "sinusoidal"] = "learned",
    norm: Literal["pre", "post"] = "pre",
    tied: bool = True,
    bias: bool = False,
    causal: bool = True,
) -> nn.Module:
    """Tokens (batch, length ≤ context) → logits (batch, length, vocabulary); the context is the data's window.

    Weights are N(0, 0.02²), those that end in the sum of a block divided by √(2 · layers) (Radford et al., 2019).

    Args:
        layers: blocks, one above the other.
        heads: of the attention, each of width / heads numbers.
        width: of the vectors.
        dropout: of the embedded inputs, the attention's weights and what each block adds.
        positions: learned vectors, or sines and cosines, to which embeddings times √width are added (Vaswani et al.).
        norm: before attention and perceptron, and at the end, or after them.
        tied: the output's weights are the embedding's (Press and Wolf, 2017).
        bias: of the linear layers, but never the output, and of the normalization.
        causal: a place sees none behind it; without this mask it sees the token that it is to predict, and its loss
            says nothing (experiment=lessons/causal_mask).

    Raises:
        UserError: the data are no tokens with a token as the target of each, or the heads do not divide the width.
    """
    require_next_tokens(data, "gpt")
    if width % heads:
        raise UserError(f"model.heads={heads}: must divide model.width={width}, as each head has a share of it")
    vocabulary, context, learned = data.inputs.vocabulary, data.inputs.length, positions == "learned"
    model = GPT(
        context,
        nn.Embedding(vocabulary, width),
        nn.Embedding(context, width) if learned else SinusoidalPositions(context, width),
        1.0 if learned else math.sqrt(width),
        dropout,
        [
            SelfAttentionBlock(width, heads, dropout=dropout, bias=bias, pre_norm=norm == "pre", causal=causal)
            for _ in range(layers)
        ],
        nn.LayerNorm(width, bias=bias) if norm == "pre" else nn.Identity(),
        nn.Linear(width, data.outputs, bias=False),
    )
    for module in model.modules():
        if isinstance(module, nn.Linear | nn.Embedding):
            nn.init.normal_(module.weight, std=0.02)
            if getattr(module, "bias", None) is not None:
                nn.init.zeros_(module.bias)
    for block in model.blocks:
        for last in (block.attention.join, block.perceptron[-1]):
            nn.init.normal_(last.weight, std=0.02 / math.sqrt(2 * layers))
    if tied:
        model.head.weight = model.embedding.weight
    return model
