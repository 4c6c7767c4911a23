"""The columns of a table as a model reads them: missing numbers filled in, numbers standardized, categories numbered.

All of it is fitted to the training rows alone.
"""

import logging
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from dl_runner.data.batch import Tensors
from dl_runner.data.splits import TensorSplit
from dl_runner.data.table.read import Roles
from dl_runner.data.table.rows import read_rows
from dl_runner.data.table.split import Table
from dl_runner.data.table.text_file import Format
from dl_runner.errors import UserError
from dl_runner.spec import Columns, DataSpec

SHOWN = 3  # categories in a warning
_log = logging.getLogger("dl_runner")
MISSING = None  # among the levels of a column: a missing value is a category of its own


@dataclass(frozen=True)
class Number:
    """A column of numbers: its missing values become `fill`, then (log(1 + x) of all where `log`), − mean, ÷ std."""

    name: str
    fill: float
    mean: float
    std: float
    log: bool = False


@dataclass(frozen=True)
class Category:
    """A column of categories: the code of `levels[i]` is i + 1, of any other value 0."""

    name: str
    levels: tuple[str | None, ...]


@dataclass(frozen=True)
class FittedColumns:
    """Makes {"numeric": float32, "categories": codes of the smallest type} of a table.

    Args:
        indicators: columns of numbers that have a further column beside them: 1 where the value was missing, else 0.
        targets: of the spec.
    """

    numbers: tuple[Number, ...]
    categories: tuple[Category, ...]
    indicators: tuple[str, ...]
    targets: Any
    task: str
    form: Format
    roles: Roles

    @property
    def spec(self) -> DataSpec:
        names = [number.name for number in self.numbers] + [f"{name} is missing" for name in self.indicators]
        sizes = tuple(1 + len(category.levels) for category in self.categories)
        inputs = Columns(tuple(names), tuple(category.name for category in self.categories), sizes)
        return DataSpec(inputs, self.targets, self.task)

    def apply(self, split: Table) -> TensorSplit:
        return TensorSplit(self.inputs(split), split.targets)

    def inputs(self, table: Table) -> dict[str, Tensor]:
        """Columns in the order of `spec`; the table has them under the same names, in any order.

        Raises:
            UserError: a number is beyond what float32 holds.
        """
        at = [table.names.index(number.name) for number in self.numbers]
        values = table.numeric[:, at]
        missing = values.isnan()
        fill, mean, std = (
            torch.tensor([getattr(number, key) for number in self.numbers], dtype=torch.float64)
            for key in ("fill", "mean", "std")
        )
        values = torch.where(missing, fill, values)
        logs = torch.tensor([number.log for number in self.numbers], dtype=torch.bool)
        values = torch.where(logs, values.clamp(min=0).log1p(), values)
        flags = missing[:, [number.name in self.indicators for number in self.numbers]]
        numeric = torch.cat([(values - mean) / std, flags], 1).to(torch.get_default_dtype())
        self._check_range(numeric, table.numeric[:, at])
        columns = list(table.levels)
        codes = [self._codes(table, columns.index(category.name), category) for category in self.categories]
        most = max((len(category.levels) for category in self.categories), default=0)
        dtype = torch.uint8 if most < 2**8 else torch.int16 if most < 2**15 else torch.int32
        stacked = torch.stack(codes, 1) if codes else torch.empty(len(table), 0)
        return {"numeric": numeric, "categories": stacked.to(dtype)}

    def _check_range(self, numeric: Tensor, values: Tensor) -> None:
        beyond = numeric[:, : values.shape[1]].isfinite().logical_not().nonzero()
        if len(beyond):
            row, column = beyond[0].tolist()
            number = self.numbers[column]
            scaled = f" minus {number.mean:g}, in units of {number.std:g}," if number.std != 1 or number.mean else ""
            raise UserError(
                f"column {number.name}: {values[row, column].item():g}{scaled} is beyond what a model's numbers hold "
                f"({torch.finfo(numeric.dtype).max:.2g}); mend the value or leave the column out"
            )

    @staticmethod
    def _codes(table: Table, at: int, category: Category) -> Tensor:
        known = {level: place for place, level in enumerate(category.levels, 1)}
        levels = table.levels[category.name]
        # Code −1, a missing value, is the last place.
        new = torch.tensor([known.get(level, 0) for level in (*levels, MISSING)])
        return new[table.codes[:, at].long()]

    def read(self, path: Path) -> tuple[list[dict[str, str | int]], Tensors]:
        """A user's rows: what names each of them, and the inputs.

        Raises:
            UserError: the file has not the columns of the training, or a value that does not fit.
        """
        numeric = [number.name for number in self.numbers]
        named, table = read_rows(path, self.form, self.roles, numeric, [one.name for one in self.categories])
        inputs = self.inputs(table)
        for category, codes in zip(self.categories, inputs["categories"].T, strict=True):
            if others := int((codes == 0).sum()):
                new = sorted({*table.levels[category.name]} - {*category.levels})
                shown = f": {', '.join(new[:SHOWN])}{', …' if new[SHOWN:] else ''}" if new else ""
                _log.warning(
                    "%s, column %s: %d rows with a category that training did not tell from others%s",
                    *(path, category.name, others, shown),
                )
        return named, inputs

    @property
    def target(self) -> str:
        """The name of what is predicted."""
        return self.roles.target

    def state_dict(self) -> dict[str, Any]:
        spec = self.spec.to_dict()
        return {
            "name": "columns",
            "numbers": [asdict(number) for number in self.numbers],
            "categories": [asdict(category) for category in self.categories],
            "indicators": list(self.indicators),
            "spec": {"targets": spec["targets"], "task": spec["task"]},
            "format": asdict(self.form),
            "roles": asdict(self.roles),
        }


def columns(state: Mapping[str, Any]) -> FittedColumns:
    """Inverse of `FittedColumns.state_dict`."""
    spec = DataSpec.from_dict({"inputs": {"kind": "Columns", "numeric": []}, **state["spec"]})
    return FittedColumns(
        tuple(Number(**number) for number in state["numbers"]),
        tuple(Category(one["name"], tuple(one["levels"])) for one in state["categories"]),
        tuple(state["indicators"]),
        spec.targets,
        spec.task,
        Format(**_tuples(state["format"])),
        Roles(**_tuples(state["roles"])),
    )


def _tuples(plain: Mapping[str, Any]) -> dict[str, Any]:
    return {key: tuple(value) if isinstance(value, list) else value for key, value in plain.items()}
