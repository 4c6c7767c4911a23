"""A table as a split: numbers and categories as they are in the file, before anything is fitted to them."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from dl_runner.data.splits import Index, Raw, Split, tensor_digest


@dataclass(frozen=True, eq=False)
class Table(Split):
    """Rows of a table; an example is a row.

    Args:
        numeric: float64 (n, columns of numbers), NaN where a value is missing.
        codes: int32 (n, columns of categories), the place of each value among the column's levels, −1 where it is
            missing.
        levels: the categories of each such column, in the order of the columns.
        names: of the columns of numbers.
        targets: int64 (n,) classes or float32 (n, 1).
    """

    numeric: Tensor
    codes: Tensor
    levels: Mapping[str, tuple[str, ...]]
    names: tuple[str, ...]
    targets: Tensor

    def __len__(self) -> int:
        return len(self.targets)

    @property
    def strata(self) -> Tensor | None:
        return self.targets if self.targets.dtype == torch.int64 else None

    def subset(self, indices: Tensor) -> "Table":
        return replace(self, numeric=self.numeric[indices], codes=self.codes[indices], targets=self.targets[indices])

    def take(self, index: Index) -> Raw:
        """Not for a table: what a model reads is what has been fitted to it."""
        raise NotImplementedError("a table has to be made numbers first")

    def digest(self) -> bytes:
        tensors = tensor_digest([self.numeric, self.codes, self.targets])
        return tensors + repr((self.names, dict(self.levels))).encode()
