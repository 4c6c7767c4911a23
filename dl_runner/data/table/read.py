"""A file → a table: which columns are the target, identifiers, numbers and categories."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

import numpy as np
import torch
from torch import Tensor

from dl_runner.data.table.looks import LEADING_ZERO
from dl_runner.data.table.records import Records, read_records
from dl_runner.data.table.split import Table
from dl_runner.data.table.text_file import Format
from dl_runner.data.table.values import (
    as_numbers,
    category_column,
    decimal_of,
    is_numeric,
    number_column,
    refuse_lookalikes,
)
from dl_runner.errors import UserError, hint
from dl_runner.spec import Classes, Numbers

LARGEST = 1e18  # of a target
FEW = 10  # different whole numbers that may be classes


@dataclass(frozen=True)
class Roles:
    """What the columns of a file are for; those that are named nowhere are found to be numbers or categories.

    Args:
        target: what is to be predicted.
        targets: "numbers", "classes", or "auto": what the target's values are.
        identifier: columns that are no inputs and go with the predictions.
        drop: columns that are left out.
        categories: columns whose values are categories even if they are numbers.
        without_target: "refuse" rows without a target, or "drop" them.
    """

    target: str
    targets: Literal["auto", "numbers", "classes"] = "auto"
    identifier: tuple[str, ...] = ()
    drop: tuple[str, ...] = ()
    categories: tuple[str, ...] = ()
    without_target: Literal["refuse", "drop"] = "refuse"


def read_table(path: Path, form: Format, roles: Roles) -> tuple[Table, Classes | Numbers, Format, list[str]]:
    """The table, the kind of its targets, how the file was found to be written, and what a person has to know of how it
    was read, a line each.

    Raises:
        UserError: a column that is not there, or a value that cannot be what its column is; names line and column.
    """
    records = read_records(path, form)
    _check_names(records, roles)
    notes, records = _with_targets(records, roles)
    others = {roles.target, *roles.identifier, *roles.drop}
    inputs = [name for name in records.columns if name not in others]
    if not inputs:
        raise UserError(f"{path}: has no column beside the target and those left out; a model needs inputs")
    free = [name for name in (*inputs, roles.target) if name not in roles.categories]
    decimal = decimal_of(records, free)
    numeric = [name for name in inputs if name not in roles.categories and is_numeric(records, name, decimal)]
    targets, kind = _targets(records, roles, decimal)
    table = make_table(records, numeric, [name for name in inputs if name not in numeric], decimal, targets)
    notes += [*_counting(table), *_codes(records, numeric), *_few_numbers(table, roles, kind)]
    return table, kind, replace(form, separator=records.separator, decimal=decimal), notes


def make_table(
    records: Records, numeric: Sequence[str], categories: Sequence[str], decimal: str, targets: Tensor
) -> Table:
    """The table of some columns.

    Raises:
        UserError: a value of a column of numbers is none; names line and column.
    """
    numbers = [number_column(records, name, decimal) for name in numeric]
    coded = {name: category_column(records, name) for name in categories}
    codes = [codes for codes, _ in coded.values()]
    return Table(
        torch.from_numpy(np.stack(numbers, 1) if numbers else np.empty((len(records), 0))),
        torch.from_numpy(np.stack(codes, 1) if codes else np.empty((len(records), 0), np.int32)),
        {name: levels for name, (_, levels) in coded.items()},
        tuple(numeric),
        targets,
    )


def _check_names(records: Records, roles: Roles) -> None:
    named = {
        "data.target": [roles.target],
        "data.identifier": roles.identifier,
        "data.drop": roles.drop,
        "data.categories": roles.categories,
    }
    seen: dict[str, str] = {}
    for key, names in named.items():
        for name in names:
            if name not in records.columns:
                raise UserError(f"{key}={name}: no such column in {records.path}{hint(name, records.columns)}")
            if name in seen and {key, seen[name]} != {"data.target", "data.categories"}:
                raise UserError(f"{key}={name}: is in {seen[name]} already; name it in one of them")
            seen[name] = key


def _with_targets(records: Records, roles: Roles) -> tuple[list[str], Records]:
    missing = records.frame[roles.target].is_null()
    if not missing.any():
        return [], records
    if roles.without_target == "refuse":
        raise UserError(
            f"{records.place(missing.arg_true()[0], roles.target)}: the target is missing, as in {missing.sum():,} of "
            f"{len(records):,} rows; data.without_target=drop leaves such rows out"
        )
    if missing.all():
        raise UserError(f"data.target={roles.target}: is missing in every row of {records.path}")
    kept = replace(records, frame=records.frame.filter(~missing), kept=~missing)
    return [f"{missing.sum():,} of {len(records):,} rows have no target and are left out"], kept


def _targets(records: Records, roles: Roles, decimal: str) -> tuple[Tensor, Classes | Numbers]:
    name, texts = roles.target, records.frame[roles.target]
    numbers = texts.len() - as_numbers(texts, decimal).null_count()
    kind = roles.targets
    if kind == "auto":
        kind = "classes" if name in roles.categories or 2 * numbers <= texts.len() else "numbers"
    if roles.targets == "auto" and name not in roles.categories:
        refuse_lookalikes(records, name, decimal, f"data.targets={kind} takes it for {kind}")
    if kind == "numbers":
        values = number_column(records, name, decimal)
        _check_range(records, name, values)
        return torch.from_numpy(values).to(torch.get_default_dtype())[:, None], Numbers(1)
    codes, levels = category_column(records, name)
    if len(levels) < 2:
        raise UserError(f"data.target={name}: is {levels[0]!r} in every row, which leaves no classes to tell apart")
    if len(levels) > max(20, texts.len() // 2):
        raise UserError(
            f"data.target={name}: has {len(levels):,} different values in {texts.len():,} rows, which are no classes; "
            "name another column, or data.targets=numbers"
        )
    order = sorted(range(len(levels)), key=lambda at: _order(levels[at]))
    place = np.argsort(order)
    return torch.from_numpy(place[codes].astype(np.int64)), Classes(tuple(levels[at] for at in order))


def _check_range(records: Records, name: str, values: np.ndarray) -> None:
    """Errors are squared in float32, which holds 1e-45 to 3e38."""
    sizes = np.abs(values)
    at = int(sizes.argmax())
    if sizes[at] > LARGEST or 0 < sizes[at] < 1 / LARGEST:
        extreme, unit = ("large", "larger") if sizes[at] > 1 else ("small", "smaller")
        raise UserError(
            f"{records.place(at, name)}: {values[at]:g} is too {extreme} for a target, whose errors are squared; give "
            f"it in a {unit} unit (largest values from {1 / LARGEST:g} to {LARGEST:g})"
        )


def _order(text: str) -> tuple[int, float, str]:
    """Numbers by their value, then texts."""
    try:
        return 0, float(text), text
    except ValueError:
        return 1, 0.0, text


def _counting(table: Table) -> list[str]:
    """Columns whose values count the rows, as identifiers do."""
    if len(table) < 3:
        return []
    counting = (table.numeric.diff(dim=0) == 1).all(0).tolist()
    return [
        f"column {name} counts the rows: data.identifier=[{name}] takes it out of the inputs"
        for name, counts in zip(table.names, counting, strict=True)
        if counts
    ]


def _codes(records: Records, numeric: Sequence[str]) -> list[str]:
    """Columns of numbers with zeros at their start, as postal codes have them."""
    notes = []
    for name in numeric:
        texts = records.frame[name].drop_nulls()
        if (codes := texts.filter(texts.str.contains(LEADING_ZERO))).len():
            notes.append(
                f"column {name} is taken for numbers, though {codes[0]} begins with a zero as codes do: "
                f"data.categories=[{name}] takes it for categories"
            )
    return notes


def _few_numbers(table: Table, roles: Roles, kind: Classes | Numbers) -> list[str]:
    if not isinstance(kind, Numbers) or roles.targets != "auto":
        return []
    values = table.targets.unique()
    if len(values) == 1:
        return [f"the target {roles.target} is the same in every row, so that there is nothing to learn"]
    few = len(values) <= min(FEW, len(table) // 2) and bool((values == values.round()).all())
    if len(values) > 2 and not few:
        return []
    return [f"the target {roles.target} has {len(values)} values: data.targets=classes learns to tell them apart"]
