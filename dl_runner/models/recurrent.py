"""Recurrent networks over tokens: a plain RNN (Elman, 1990), GRU (Cho et al., 2014), LSTM (Hochreiter, 1997)."""

from typing import Literal

import torch
from torch import Tensor, nn

from dl_runner.config.types import Fraction, PositiveInt
from dl_runner.errors import UserError
from dl_runner.layers.bidirectional import Bidirectional, lengths_of
from dl_runner.layers.cells import CELLS, rows_of, state_of
from dl_runner.layers.shapes import require_token_inputs
from dl_runner.spec import DataSpec, Tokens


class _OverTokens(nn.Module):
    """What reads the tokens, and what makes logits of what was read.

    The layers compute with the time in front, which takes two or three percent less time on a processor.

    Args:
        cell: the recurrent layers, which take and give (length, batch, …).
        embedding: None for one-hot vectors.
    """

    def __init__(
        self, cell: nn.Module, vocabulary: int, embedding: nn.Embedding | None, dropout: float, head: nn.Linear
    ) -> None:
        super().__init__()
        self.cell, self.embedding, self.head = cell, embedding, head
        self.vocabulary, self.dropout = vocabulary, nn.Dropout(dropout)

    def _inputs(self, tokens: Tensor) -> Tensor:
        if self.embedding is not None:
            return self.dropout(self.embedding(tokens))
        # One write into zeros, where F.one_hot makes integers first.
        zeros = next(self.cell.parameters()).new_zeros(*tokens.shape, self.vocabulary)
        return zeros.scatter_(-1, tokens.unsqueeze(-1), 1.0)


class Recurrent(_OverTokens):
    """Logits for the token after each one, or for the label of each, and the hidden state after the last.

    A state is (batch, kinds, layers, hidden): a GRU's and a plain RNN's is h, an LSTM's h and c.
    """

    def forward(self, tokens: Tensor, state: Tensor | None = None) -> tuple[Tensor, Tensor]:
        before = None if state is None else state_of(state)
        outputs, after = self.cell(self._inputs(tokens.t()), before)  # (length, batch, hidden)
        return self.head(self.dropout(outputs.transpose(0, 1))), rows_of(after)


class Reader(_OverTokens):
    """Logits for each whole sequence, (batch, outputs), or for each of its places, (batch, length, outputs).

    Those of a sequence are made of the output at its last real token, and of the backward direction at its first, where
    that one ends; of a sequence without a token, of zeros. Padding never changes anything.

    Args:
        pad: the token that is padding; None for none.
        whole: one answer for each sequence.
    """

    def __init__(self, *layers: nn.Module | float | int | None, pad: int | None, whole: bool) -> None:
        super().__init__(*layers)
        self.pad, self.whole = pad, whole

    def forward(self, tokens: Tensor) -> Tensor:
        inputs, lengths = self._inputs(tokens.t()), lengths_of(tokens, self.pad)
        both = isinstance(self.cell, Bidirectional)
        outputs = self.cell(inputs, lengths) if both else self.cell(inputs)[0]  # (length, batch, directions · hidden)
        if not self.whole:
            return self.head(self.dropout(outputs.transpose(0, 1)))
        last = outputs[(lengths - 1).clamp(min=0), torch.arange(len(tokens), device=tokens.device)]
        if both:
            last = torch.cat([last.chunk(2, -1)[0], outputs[0].chunk(2, -1)[1]], -1)
        return self.head(self.dropout(last * (lengths > 0).unsqueeze(-1)))


def recurrent(
    data: DataSpec,
    *,
    cell: Literal["rnn", "gru", "lstm"],
    hidden: PositiveInt = 256,
    layers: PositiveInt = 1,
    embedding: PositiveInt | None = None,
    dropout: Fraction = 0.0,
    tied: bool = False,
    bidirectional: bool = False,
    leak: bool = False,
) -> nn.Module:
    """Tokens (batch, length) → logits (batch, length, vocabulary) of next tokens or labels, and the state to carry on,
    which may be given too; of two directions, no state; (batch, outputs) where a sequence has one answer.

    Args:
        cell: "rnn" (tanh), "gru" or "lstm".
        hidden: units of each layer and direction.
        layers: one above the other.
        embedding: size of the learnt vector of each token; None for one-hot vectors.
        dropout: of the embedded inputs, between the layers and before the output (Zaremba et al., 2014).
        tied: the output's weights are the embedding's (Press and Wolf, 2017); needs embedding = hidden.
        bidirectional: read from both ends; for labels of tokens, and of whole sequences.
        leak: let a language model do so too, although it then sees the token that it is to predict, and its loss says
            nothing (experiment=lessons/bidirectional_language_model).

    Raises:
        UserError: the data are no tokens, or have other targets than tokens, a class or numbers; a language model is to
            be bidirectional; tied weights of different sizes.
    """
    require_token_inputs(data, cell)
    places = isinstance(data.targets, Tokens)
    if bidirectional and data.task == "language_model" and not leak:
        raise UserError(
            "model.bidirectional=true: a language model that also reads backwards sees the token that it is to "
            "predict; it copies it, and its perplexity says nothing. Use model.bidirectional=false; "
            "experiment=lessons/bidirectional_language_model shows what happens"
        )
    if tied and (bidirectional or not places or data.outputs != data.inputs.vocabulary):
        raise UserError(
            "model.tied=true: the output's weights are the embedding's, which is for the next token read in one "
            "direction; use model.tied=false"
        )
    if tied and embedding != hidden:
        raise UserError(
            f"model.tied=true: the output's weights are the embedding's, so model.embedding={embedding} has to equal "
            f"model.hidden={hidden}".replace("=None", "=null")
        )
    vocabulary, between = data.inputs.vocabulary, dropout if layers > 1 else 0.0
    inputs = embedding or vocabulary
    if bidirectional:
        read: nn.Module = Bidirectional(CELLS[cell], inputs, hidden, layers, between)
    else:
        read = CELLS[cell](inputs, hidden, layers, dropout=between)
    vectors = nn.Embedding(vocabulary, embedding) if embedding else None
    parts = read, vocabulary, vectors, dropout, nn.Linear(hidden * (1 + bidirectional), data.outputs)
    if bidirectional or not places:
        return Reader(*parts, pad=data.inputs.pad, whole=not places)
    model = Recurrent(*parts)
    if tied:
        model.head.weight = model.embedding.weight
    return model
