"""Sequence to sequence (Sutskever et al., 2014; Cho et al., 2014): all that was read is in one vector.

h₁ … h_S = encoder(source)    c = h_S, after the last real token
sₜ = decoder(yₜ₋₁ ‖ c, sₜ₋₁), s₀ = the encoder's last state of each layer    logits = W sₜ + b
"""

from typing import Literal, NamedTuple

import torch
from torch import Tensor, nn

from dl_runner.config.types import Fraction, PositiveInt
from dl_runner.layers.bidirectional import lengths_of
from dl_runner.layers.cells import CELLS, rows_of, state_of
from dl_runner.layers.encoder_decoder import EncoderDecoder
from dl_runner.layers.recurrent_encoder import RecurrentEncoder
from dl_runner.layers.shapes import require_sentence_pairs
from dl_runner.spec import DataSpec


class State(NamedTuple):
    """The decoder's own, (batch, kinds, layers, hidden), and the context c, (batch, hidden)."""

    hidden: Tensor
    context: Tensor


class Seq2Seq(EncoderDecoder):
    """With teacher forcing the decoder reads the whole target in one call, as c is the same at every place.

    Args:
        pad: of the source.
        read, write: the embeddings of the source and of the target.
        dropout: of the embedded tokens.
        deep_output: the head reads sₜ ‖ c ‖ yₜ₋₁.
    """

    def __init__(
        self,
        pad: int,
        read: nn.Embedding,
        encoder: RecurrentEncoder,
        write: nn.Embedding,
        decoder: nn.RNNBase,
        dropout: float,
        head: nn.Linear,
        deep_output: bool,
    ) -> None:
        super().__init__()
        self.pad, self.deep_output = pad, deep_output
        self.read, self.encoder = read, encoder
        self.write, self.decoder = write, decoder
        self.dropout, self.head = nn.Dropout(dropout), head

    def begin(self, source: Tensor) -> State:
        embedded = self.dropout(self.read(source.t()))  # (S, batch, embedding)
        _, hidden = self.encoder(embedded, lengths_of(source, self.pad))
        return State(hidden, hidden[:, 0, -1])

    def go_on(self, tokens: Tensor, state: State) -> tuple[Tensor, State]:
        embedded = self.dropout(self.write(tokens.t()))  # (n, batch, embedding)
        context = state.context.expand(len(embedded), -1, -1)
        outputs, hidden = self.decoder(torch.cat([embedded, context], -1), state_of(state.hidden))
        if self.deep_output:
            outputs = torch.cat([outputs, context, embedded], -1)
        return self.head(outputs.transpose(0, 1)), State(rows_of(hidden), state.context)


def seq2seq(
    data: DataSpec,
    *,
    cell: Literal["rnn", "gru", "lstm"] = "gru",
    embedding: PositiveInt = 256,
    hidden: PositiveInt = 256,
    layers: PositiveInt = 2,
    dropout: Fraction = 0.0,
    embedding_dropout: Fraction = 0.0,
    deep_output: bool = False,
) -> nn.Module:
    """A translator; see `EncoderDecoder`.

    Args:
        cell: of encoder and decoder.
        embedding: size of the learnt vectors of the tokens.
        hidden: units of each layer.
        layers: of encoder and decoder, one above the other.
        dropout: between the layers.
        embedding_dropout: of the embedded tokens.
        deep_output: the output also reads c and the token's vector (Cho et al., 2014), not the decoder's state alone.

    Raises:
        UserError: the data are no pairs of sentences.
    """
    source, target = require_sentence_pairs(data, "seq2seq")
    between, kind = dropout if layers > 1 else 0.0, CELLS[cell]
    return Seq2Seq(
        source.pad,
        nn.Embedding(source.vocabulary, embedding, padding_idx=source.pad),
        RecurrentEncoder(kind, embedding, hidden, layers, between),
        nn.Embedding(target.vocabulary, embedding, padding_idx=target.pad),
        kind(embedding + hidden, hidden, layers, dropout=between),
        embedding_dropout,
        nn.Linear(2 * hidden + embedding if deep_output else hidden, target.vocabulary),
        deep_output,
    )
