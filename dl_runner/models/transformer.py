"""The Transformer (Vaswani et al., 2017): a translator of attention alone, without recurrence.

Encoder and decoder are stacks of blocks; a decoder's block looks at what it has written, by causal self-attention, and
at what the encoder has read.
"""

import math
from typing import Literal, NamedTuple

import torch
from torch import Tensor, nn

from dl_runner.config.types import Fraction, PositiveInt
from dl_runner.errors import UserError
from dl_runner.layers.attention import Memory, causal_mask
from dl_runner.layers.encoder_decoder import EncoderDecoder
from dl_runner.layers.positions import SinusoidalPositions
from dl_runner.layers.recorded import recorded
from dl_runner.layers.scratch.attention import attention_weights
from dl_runner.layers.shapes import require_sentence_pairs
from dl_runner.layers.transformer import DecoderBlock, SelfAttentionBlock
from dl_runner.spec import DataSpec, Tokens


class State(NamedTuple):
    """The source's keys and values in each block of the decoder, which of its places are real, bool (batch, 1, 1, S),
    and the keys and values of what has been written, None before the first token."""

    source: tuple[Memory, ...]
    real: Tensor
    written: tuple[Memory, ...] | None


class Vectors(nn.Module):
    """√width times the embeddings of tokens, plus the vectors of their places.

    Args:
        length: the most places.
    """

    def __init__(self, tokens: Tokens, width: int, positions: Literal["sinusoidal", "learned"], dropout: float) -> None:
        super().__init__()
        self.scale = math.sqrt(width)
        self.embedding = nn.Embedding(tokens.vocabulary, width, padding_idx=tokens.pad)
        kind = SinusoidalPositions if positions == "sinusoidal" else nn.Embedding
        self.positions, self.dropout = kind(tokens.length, width), nn.Dropout(dropout)

    def forward(self, tokens: Tensor, first: int = 0) -> Tensor:
        """(batch, n) → (batch, n, width); they are at the places from `first` on."""
        places = torch.arange(first, first + tokens.shape[1], device=tokens.device)
        return self.dropout(self.embedding(tokens) * self.scale + self.positions(places))


class Transformer(EncoderDecoder):
    """The target needs no mask of padding: it lies behind the real tokens, and no place sees a later one.

    Args:
        pad: of the source.
        norms: behind the last block of the encoder and of the decoder.
    """

    def __init__(
        self,
        pad: int,
        read: Vectors,
        encoder: list[SelfAttentionBlock],
        write: Vectors,
        decoder: list[DecoderBlock],
        norms: tuple[nn.Module, nn.Module],
        head: nn.Linear,
    ) -> None:
        super().__init__()
        self.pad, self.head = pad, head
        self.read, self.encoder, self.write, self.decoder = read, nn.ModuleList(encoder), write, nn.ModuleList(decoder)
        self.encoder_norm, self.decoder_norm = norms

    def begin(self, source: Tensor) -> State:
        x, real = self.read(source), (source != self.pad)[:, None, None]
        for block in self.encoder:
            x, _ = block(x, mask=real)
        x = self.encoder_norm(x)
        return State(tuple(block.look.remember(x) for block in self.decoder), real, None)

    def go_on(self, tokens: Tensor, state: State) -> tuple[Tensor, State]:
        before = state.written or (None,) * len(self.decoder)
        x = self.write(tokens, 0 if state.written is None else state.written[0].shape[3])
        written = []
        for block, source, memory in zip(self.decoder, state.source, before, strict=True):
            x, memory = block(x, source, state.real, memory)
            written.append(memory)
        return self.head(self.decoder_norm(x)), state._replace(written=tuple(written))

    @torch.no_grad()
    def attention(self, source: Tensor, target: Tensor, block: int = -1) -> dict[str, Tensor]:
        """With teacher forcing, of one block of the encoder and the same of the decoder; see `EncoderDecoder`.

        Returns:
            "source" (batch, heads, T, S): the decoder's to the source; "target" (batch, heads, T, T): its own;
            "encoder" (batch, heads, S, S).
        """
        decoder = self.decoder[block]
        layers = {
            "encoder": self.encoder[block].attention.attend,
            "target": decoder.attention.attend,
            "source": decoder.look.attend,
        }
        with recorded(layers.values()) as calls:
            self(source, target)
        found = {}
        for name, (queries, keys, _, mask, causal) in zip(layers, calls, strict=True):
            seen = causal_mask(queries.shape[2], keys.shape[2], keys.device) if causal else mask
            found[name] = attention_weights(queries, keys, seen)
        return found


def transformer(
    data: DataSpec,
    *,
    layers: PositiveInt = 3,
    heads: PositiveInt = 8,
    width: PositiveInt = 256,
    hidden: PositiveInt = 512,
    dropout: Fraction = 0.1,
    norm: Literal["pre", "post"] = "post",
    positions: Literal["sinusoidal", "learned"] = "sinusoidal",
    tied: bool = False,
) -> nn.Module:
    """A translator; see `EncoderDecoder`. It reads and writes sentences up to the data's length.

    Matrices are initialized by Xavier's rule, embeddings with N(0, 1 / width), and learnt positions with N(0, ½): they
    are as large as sines and cosines then.

    Args:
        layers: blocks of the encoder, and as many of the decoder.
        heads: of each attention, each of width / heads numbers.
        width: of the vectors.
        hidden: units of the perceptrons, with ReLU.
        dropout: of the embedded tokens, the attention's weights and what each part of a block adds.
        norm: after each part of a block, as in the paper, or before it and at the end (Xiong et al., 2020).
        positions: sines and cosines, or learnt vectors.
        tied: the output's weights are those of the target's embedding (Press and Wolf, 2017).

    Raises:
        UserError: the data are no pairs of sentences, or the heads do not divide the width.
    """
    source, target = require_sentence_pairs(data, "transformer")
    if width % heads:
        raise UserError(f"model.heads={heads}: must divide model.width={width}, as each head has a share of it")
    options = {"dropout": dropout, "hidden": hidden, "function": "relu", "pre_norm": norm == "pre"}
    model = Transformer(
        source.pad,
        Vectors(source, width, positions, dropout),
        [SelfAttentionBlock(width, heads, causal=False, **options) for _ in range(layers)],
        Vectors(target, width, positions, dropout),
        [DecoderBlock(width, heads, **options) for _ in range(layers)],
        tuple(nn.LayerNorm(width) if norm == "pre" else nn.Identity() for _ in range(2)),
        nn.Linear(width, target.vocabulary),
    )
    initialize(model, width)
    if tied:
        model.head.weight = model.write.embedding.weight
    return model


@torch.no_grad()
def initialize(model: nn.Module, width: int) -> None:
    """See `transformer`. A weight of several projections is initialized as the matrices that it consists of."""
    for name, module in model.named_modules():
        if isinstance(module, nn.Linear):
            parts = module.out_features // width if name.endswith("project") else 1
            for matrix in module.weight.chunk(parts):
                nn.init.xavier_uniform_(matrix)
            nn.init.zeros_(module.bias)
        elif isinstance(module, nn.Embedding):
            nn.init.normal_(module.weight, std=math.sqrt(0.5) if name.endswith("positions") else width**-0.5)
            if module.padding_idx is not None:
                module.weight[module.padding_idx] = 0
