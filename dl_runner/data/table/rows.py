"""A user's rows for a model that was trained before."""

import logging
from collections.abc import Sequence
from pathlib import Path

import torch

from dl_runner.data.table.read import Roles, make_table
from dl_runner.data.table.records import read_records
from dl_runner.data.table.split import Table
from dl_runner.data.table.text_file import Format
from dl_runner.data.table.values import decimal_of
from dl_runner.errors import UserError

_log = logging.getLogger("dl_runner")


def read_rows(
    path: Path, form: Format, roles: Roles, numeric: Sequence[str], categories: Sequence[str]
) -> tuple[list[dict[str, str | int]], Table]:
    """What names each row, its identifiers or else its number from 1 under a name that the target has not, and the
    table without targets.

    Raises:
        UserError: a column of the training is missing, or a value does not fit its column; names line and column.
    """
    records = read_records(path, form, asked=True)
    wanted = [*roles.identifier, *numeric, *categories]
    missing = [name for name in wanted if name not in records.columns]
    if missing:
        joined = "" if len(records.columns) > 1 else f"; its fields have to be separated by {records.separator!r}"
        raise UserError(
            f"{path}: has no column {', '.join(missing)}; a model takes the columns that it was trained on, "
            f"{len(wanted)} in all{joined if len(wanted) > 1 else ''}"
        )
    unused = [name for name in records.columns if name not in {*wanted, *roles.drop, roles.target}]
    if unused:
        _log.warning("%s: left out, as the model was not trained on it: column %s", path, ", ".join(unused))
    table = make_table(records, numeric, categories, decimal_of(records, numeric), torch.zeros(len(records), 1))
    if not roles.identifier:
        title = "row" if roles.target != "row" else "number"
        return [{title: number} for number in range(1, len(records) + 1)], table
    return records.frame.select(roles.identifier).fill_null("").to_dicts(), table
