"""A multilayer perceptron over the rows of a table, with a learnt vector for each category (Guo and Berkhahn, 2016)."""

from itertools import pairwise

import torch
from torch import Tensor, nn

from dl_runner.config.types import Fraction, PositiveInt
from dl_runner.layers.activations import Activation
from dl_runner.layers.activations import activation as make_activation
from dl_runner.layers.shapes import require_columns
from dl_runner.spec import DataSpec


class EmbeddingMLP(nn.Module):
    """The numbers and the vectors of the categories side by side, then hidden layers.

    Args:
        embeddings: one for each column of categories, in their order.
        body: reads (batch, numbers + sizes of all vectors).
    """

    def __init__(self, embeddings: nn.ModuleList, dropout: float, body: nn.Module) -> None:
        super().__init__()
        self.embeddings, self.dropout, self.body = embeddings, nn.Dropout(dropout), body

    def forward(self, numeric: Tensor, categories: Tensor) -> Tensor:
        """(batch, numbers), (batch, columns of categories) → (batch, outputs)."""
        vectors = [embedding(codes) for embedding, codes in zip(self.embeddings, categories.unbind(1), strict=True)]
        return self.body(torch.cat([numeric, self.dropout(torch.cat(vectors, 1))] if vectors else [numeric], 1))


def embedding_mlp(
    data: DataSpec,
    *,
    hidden: list[PositiveInt] = (256,),
    activation: Activation = "relu",
    dropout: Fraction = 0.0,
    most: PositiveInt = 50,
    std: Fraction = 0.1,
) -> nn.Module:
    """Rows of a table → (batch, outputs).

    A column of k categories has vectors of min(most, ⌈k / 2⌉) numbers. That of code 0, a category unseen in training,
    is zeros and stays so.

    Args:
        hidden: the width of each hidden layer.
        activation: after each hidden layer.
        dropout: of the vectors and after each activation.
        most: numbers of a vector.
        std: standard deviation of the vectors' initial numbers, around 0.

    Raises:
        UserError: the data are no rows of a table, or have more than one answer each.
    """
    require_columns(data, "embedding_mlp")
    embeddings = nn.ModuleList(
        nn.Embedding(size, min(most, size // 2) or 1, padding_idx=0) for size in data.inputs.sizes
    )
    with torch.no_grad():
        for embedding in embeddings:
            embedding.weight[1:].normal_(0, std)
    widths = [len(data.inputs.numeric) + sum(one.embedding_dim for one in embeddings), *hidden]
    layers: list[nn.Module] = []
    for inputs, outputs in pairwise(widths):
        layers += [nn.Linear(inputs, outputs), make_activation(activation), nn.Dropout(dropout)]
    return EmbeddingMLP(embeddings, dropout, nn.Sequential(*layers, nn.Linear(widths[-1], data.outputs)))
