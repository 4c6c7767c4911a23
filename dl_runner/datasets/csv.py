"""A table of your own in a text file, such as CSV; the official ones are among its files too."""

from pathlib import Path
from typing import Literal

from dl_runner.config.types import CountInt, Fraction
from dl_runner.data.dataset import Data
from dl_runner.data.table.column_fit import Impute
from dl_runner.data.table.data import from_file
from dl_runner.data.table.official import locate
from dl_runner.data.table.read import Roles
from dl_runner.data.table.text_file import MISSING, Format, Separator


def csv(
    root: Path,
    *,
    path: str,
    target: str,
    targets: Literal["auto", "numbers", "classes"] = "auto",
    identifier: str | tuple[str, ...] = (),
    drop: tuple[str, ...] = (),
    categories: tuple[str, ...] = (),
    without_target: Literal["refuse", "drop"] = "refuse",
    test: Fraction = 0.2,
    impute: Impute = "mean",
    fill: float = 0.0,
    indicator: bool = False,
    rare: CountInt = 1,
    log: tuple[str, ...] | float | None = None,
    separator: Separator | None = None,
    decimal: Literal["auto", "point", "comma"] = "auto",
    missing: tuple[str, ...] = MISSING,
    names: tuple[str, ...] = (),
    encoding: str = "utf-8",
    download: bool = True,
    normalize: bool = True,
    seed: int = 0,
) -> Data:
    """Rows with columns of numbers and of categories, and a class or a number as the target of each.

    Args:
        root: the folder of all data sets.
        path: the file; absolute, or relative to `root` or to the working directory.
        target, targets, identifier, drop, categories, without_target: as for `dl_runner.data.table.read.Roles`.
        test: share held out as the test split, classes in proportion; 0 for none.
        impute, fill, indicator, rare, log: as for `dl_runner.data.table.column_fit.ColumnFit`; log null is for none.
        separator, decimal, missing, names, encoding: as for `dl_runner.data.table.text_file.Format`.
        download: an official file that is missing.
        normalize: standardize columns of numbers.
        seed: of the test split, >= 0.

    Raises:
        UserError: there is no such file or column, or a value that does not fit; names line and column.
    """
    return from_file(
        locate(path, root, download=download),
        Format(separator, decimal, missing, names, encoding),
        Roles(
            target,
            targets,
            (identifier,) if isinstance(identifier, str) else identifier,
            drop,
            categories,
            without_target,
        ),
        test=test,
        seed=seed,
        impute=impute,
        fill=fill,
        indicator=indicator,
        rare=rare,
        normalize=normalize,
        log=() if log is None else log,
    )
