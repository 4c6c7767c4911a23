"""Translation by learning to align (Bahdanau et al., 2015): each step looks again at what the encoder has read.

h₁ … h_S = encoder(source)    cₜ = Σ αₜᵢ hᵢ, where αₜ is the additive attention of the query sₜ₋₁ to the keys hᵢ
sₜ = decoder(cₜ ‖ yₜ₋₁, sₜ₋₁)    logits = W sₜ + b
"""

from typing import Literal, NamedTuple

import torch
from torch import Tensor, nn

from dl_runner.config.types import Fraction, PositiveInt
from dl_runner.layers.additive_attention import AdditiveAttention
from dl_runner.layers.bidirectional import lengths_of
from dl_runner.layers.cells import CELLS, rows_of, state_of, step
from dl_runner.layers.encoder_decoder import EncoderDecoder
from dl_runner.layers.recorded import recorded
from dl_runner.layers.recurrent_encoder import RecurrentEncoder
from dl_runner.layers.shapes import require_sentence_pairs
from dl_runner.spec import DataSpec


class State(NamedTuple):
    """The decoder's own, (batch, kinds, layers, hidden), and of the source's places their projected keys, their states
    and whether they are real, (batch, S, …)."""

    hidden: Tensor
    keys: Tensor
    values: Tensor
    real: Tensor


class Bahdanau(EncoderDecoder):
    """The query is the state of the decoder's last layer.

    Args:
        pad: of the source.
        read, write: the embeddings of the source and of the target.
        bridge: from the encoder's last states of both directions to s₀ = tanh(bridge(…)); None for one direction,
            whose states the decoder takes as they are.
        dropout: of the embedded tokens.
        deep_output: the head reads sₜ ‖ cₜ ‖ yₜ₋₁.
    """

    def __init__(
        self,
        pad: int,
        read: nn.Embedding,
        encoder: RecurrentEncoder,
        bridge: nn.Linear | None,
        write: nn.Embedding,
        attend: AdditiveAttention,
        decoder: nn.RNNBase,
        dropout: float,
        head: nn.Linear,
        deep_output: bool,
    ) -> None:
        super().__init__()
        self.pad, self.deep_output = pad, deep_output
        self.read, self.encoder, self.bridge = read, encoder, bridge
        self.write, self.attend, self.decoder = write, attend, decoder
        self.dropout, self.head = nn.Dropout(dropout), head

    def begin(self, source: Tensor) -> State:
        embedded = self.dropout(self.read(source.t()))  # (S, batch, embedding)
        states, hidden = self.encoder(embedded, lengths_of(source, self.pad))
        if self.bridge is not None:
            hidden = torch.tanh(self.bridge(hidden))
        values = states.transpose(0, 1).contiguous()  # (batch, S, directions · hidden)
        return State(hidden, self.attend.project(values), values, source != self.pad)

    def go_on(self, tokens: Tensor, state: State) -> tuple[Tensor, State]:
        embedded = self.dropout(self.write(tokens.t()))  # (n, batch, embedding)
        hidden, outputs, contexts = state_of(state.hidden), [], []
        for token in embedded.unbind(0):
            query = (hidden[0] if isinstance(hidden, tuple) else hidden)[-1]
            context = self.attend(query, state.keys, state.values, state.real)
            output, hidden = step(self.decoder, torch.cat([context, token], -1), hidden)
            outputs.append(output)
            contexts.append(context)
        found = torch.stack(outputs)  # (n, batch, hidden)
        if self.deep_output:
            found = torch.cat([found, torch.stack(contexts), embedded], -1)
        return self.head(found.transpose(0, 1)), state._replace(hidden=rows_of(hidden))

    @torch.no_grad()
    def attention(self, source: Tensor, target: Tensor) -> dict[str, Tensor]:
        """{"source": (batch, 1, T, S)}, with teacher forcing; see `EncoderDecoder`."""
        with recorded([self.attend]) as steps:
            self(source, target)
        weights = [self.attend.weights(query, keys, real) for query, keys, _, real in steps]
        return {"source": torch.stack(weights, 1).unsqueeze(1)}


def bahdanau(
    data: DataSpec,
    *,
    cell: Literal["rnn", "gru", "lstm"] = "gru",
    embedding: PositiveInt = 256,
    hidden: PositiveInt = 256,
    layers: PositiveInt = 2,
    bidirectional: bool = False,
    dropout: Fraction = 0.0,
    embedding_dropout: Fraction = 0.0,
    deep_output: bool = False,
) -> nn.Module:
    """A translator; see `EncoderDecoder`.

    Args:
        cell: of encoder and decoder.
        embedding: size of the learnt vectors of the tokens.
        hidden: units of each layer and direction, and of the attention.
        layers: of encoder and decoder, one above the other.
        bidirectional: the encoder reads from both ends.
        dropout: between the layers, and of the attention's weights.
        embedding_dropout: of the embedded tokens.
        deep_output: the output also reads cₜ and the token's vector, as in the paper, not the decoder's state alone.

    Raises:
        UserError: the data are no pairs of sentences.
    """
    source, target = require_sentence_pairs(data, "bahdanau")
    between, kind, read = dropout if layers > 1 else 0.0, CELLS[cell], (1 + bidirectional) * hidden
    return Bahdanau(
        source.pad,
        nn.Embedding(source.vocabulary, embedding, padding_idx=source.pad),
        RecurrentEncoder(kind, embedding, hidden, layers, between, bidirectional),
        nn.Linear(read, hidden) if bidirectional else None,
        nn.Embedding(target.vocabulary, embedding, padding_idx=target.pad),
        AdditiveAttention(hidden, read, hidden, dropout),
        kind(read + embedding, hidden, layers, dropout=between),
        embedding_dropout,
        nn.Linear(hidden + read + embedding if deep_output else hidden, target.vocabulary),
        deep_output,
    )
