"""A table as a data set: the rows with a share held out for testing, and what is to be fitted to the training rows."""

from pathlib import Path
from typing import Any

from dl_runner.data.dataset import Data
from dl_runner.data.sampling import hold_out
from dl_runner.data.table.column_fit import ColumnFit
from dl_runner.data.table.read import Roles, read_table
from dl_runner.data.table.split import Table
from dl_runner.data.table.text_file import Format
from dl_runner.errors import UserError
from dl_runner.spec import Classes, Columns, DataSpec, Numbers


def from_file(path: Path, form: Format, roles: Roles, *, test: float, seed: int, **fit: Any) -> Data:
    """The data set of a file.

    Args:
        test: share held out as the test split.
        seed: of that choice.
        fit: further arguments of `ColumnFit`.

    Raises:
        UserError: as for `read_table`, or a column to take logarithms of that holds no numbers.
    """
    table, kind, form, notes = read_table(path, form, roles)
    return of_table(table, kind, form, roles, test=test, seed=seed, notes=notes, **fit)


def of_table(
    table: Table,
    kind: Classes | Numbers,
    form: Format,
    roles: Roles,
    *,
    test: float,
    seed: int,
    notes: list[str],
    **fit: Any,
) -> Data:
    """The data set of a table that has been read; arguments as for `from_file`."""
    log = fit.get("log", ())
    for name in () if isinstance(log, float | int) else log:
        if name not in table.names:
            raise UserError(f"data.log={name}: is no column of numbers; they are {', '.join(table.names)}")
    task = "classification" if isinstance(kind, Classes) else "regression"
    spec = DataSpec(Columns(table.names, tuple(table.levels), tuple(map(len, table.levels.values()))), kind, task)
    learn = ColumnFit(spec, form, roles, **fit)
    if test == 0:
        return Data(spec, table, fit=learn, notes=tuple(notes))
    kept, held = hold_out(len(table), table.strata, test, seed, "test")
    return Data(spec, table.subset(kept), test=table.subset(held), fit=learn, notes=tuple(notes))
