"""Rows of a table as vectors, for every model that reads one."""

import inspect
from collections.abc import Iterable
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor, nn

from dl_runner.spec import Columns, DataSpec


class RowAsVector(nn.Module):
    """A row's numbers, then each of its categories one-hot; code 0, a category that is not told from others, is zeros.

    Args:
        sizes: codes of each column of categories.
    """

    def __init__(self, sizes: tuple[int, ...]) -> None:
        super().__init__()
        starts = torch.tensor([0, *sizes[:-1]]).cumsum(0) if sizes else torch.empty(0, dtype=torch.int64)
        self.register_buffer("starts", starts, persistent=False)
        told = torch.ones(sum(sizes), dtype=torch.bool)
        told[starts] = False
        self.register_buffer("places", told.nonzero()[:, 0], persistent=False)
        self._codes = sum(sizes)

    def forward(self, numeric: Tensor, categories: Tensor) -> Tensor:
        """(batch, numbers) and (batch, columns of categories) → (batch, `Columns.width`)."""
        hot = numeric.new_zeros(len(numeric), self._codes).scatter_(1, categories + self.starts, 1.0)
        return torch.cat([numeric, hot[:, self.places]], 1)


class OfRows(nn.Module):
    """A model of vectors that reads rows of a table."""

    def __init__(self, vector: RowAsVector, model: nn.Module) -> None:
        super().__init__()
        self.vector, self.model = vector, model

    def forward(self, numeric: Tensor, categories: Tensor) -> Tensor:
        return self.model(self.vector(numeric, categories))


class FittedOfRows(OfRows):
    """One that is fitted."""

    def fit(self, batches: Iterable[Any]) -> None:
        """Give the model the batches with vectors as their inputs."""
        self.model.fit(replace(batch, inputs=self.vector(**batch.inputs)) for batch in batches)


def reading_rows(model: nn.Module, data: DataSpec) -> nn.Module:
    """The model itself, or for rows of a table and a model that does not take their columns by name, one that makes
    vectors of them first."""
    if not isinstance(data.inputs, Columns) or "categories" in inspect.signature(model.forward).parameters:
        return model
    of_rows = FittedOfRows if hasattr(model, "fit") else OfRows
    return of_rows(RowAsVector(data.inputs.sizes), model)
