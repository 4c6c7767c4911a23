"""What `dlrun predict` shows: a table, or plain text, and the pictures in it as files; or all of it as a CSV file."""

import csv
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from rich import box
from rich.console import Group
from rich.table import Table
from rich.text import Text

from dl_runner.errors import UserError
from dl_runner.report.pictures import save_png
from dl_runner.runtime.files import atomic_path, fitting, readable

FIRST, OTHERS = 10, 24  # characters that stay together: of the first column, and of a column of short answers


def render(rows: Sequence[dict[str, Any]], folder: Path) -> Table | Group:
    """Rows for a terminal; where each has a single text and nothing else, those texts.

    Args:
        rows: from a column's name to what is shown in it; the first column names the input.
        folder: where pictures are written, as INPUT_COLUMN.png.

    Raises:
        UserError: a picture cannot be written.
    """
    columns = list(dict.fromkeys(name for row in rows for name in row))
    if len(columns) == 1 and not any(isinstance(row[columns[0]], np.ndarray) for row in rows):
        return Group(*(Text(str(row[columns[0]])) for row in rows))
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for place, name in enumerate(columns):
        files = any(isinstance(row.get(name), np.ndarray) for row in rows)  # whose names must not be cut off
        widest = max(len(str(row.get(name, ""))) for row in rows)
        least = min(widest, FIRST) if place == 0 else None
        table.add_column(
            Text(name), overflow="fold", min_width=least, no_wrap=place > 0 and not files and widest <= OTHERS
        )
    for row in rows:
        stem = Path(str(row.get(columns[0], ""))).stem
        shown = [_shown(row.get(name, ""), folder / fitting(stem, f"_{name}.png")) for name in columns]
        table.add_row(*(Text(text, "bold" if place == 1 else "") for place, text in enumerate(shown)))
    return table


def is_table_file(path: Path | None) -> bool:
    """Whether `--out` names a file for all answers, and not a folder for pictures."""
    return path is not None and path.suffix.lower() == ".csv"


def check_folder(rows: Sequence[dict[str, Any]], out: Path) -> None:
    """Check that a folder named for pictures will get some.

    Raises:
        UserError: the answers hold none.
    """
    if not any(isinstance(value, np.ndarray) for row in rows for value in row.values()):
        raise UserError(f"--out {out}: is for pictures, and these answers hold none; name a file: --out FILE.csv")


def write_table(rows: Sequence[dict[str, Any]], path: Path) -> None:
    """Rows as a CSV file, whole or not at all: a line with the columns' names, then one for each row, all digits.

    Raises:
        UserError: there are pictures among them, or the file cannot be written.
    """
    if any(isinstance(value, np.ndarray) for row in rows for value in row.values()):
        raise UserError(f"--out {path}: the answers hold pictures, which are no table; name a folder")
    try:
        save_table(rows, path)
    except OSError as error:
        raise UserError(f"--out {path}: cannot be written ({error.strerror}); name another place") from None


def save_table(rows: Sequence[dict[str, Any]], path: Path) -> None:
    """Rows of numbers and texts as a CSV file, whole or not at all.

    Raises:
        OSError: it cannot be written.
    """
    columns = list(dict.fromkeys(name for row in rows for name in row))
    with atomic_path(path) as temporary, temporary.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, columns, restval="", lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)


def _shown(value: Any, path: Path) -> str:
    if not isinstance(value, np.ndarray):
        return f"{value:.4g}" if isinstance(value, float) else readable(str(value))
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UserError(f"--out {path.parent}: cannot be made ({error.strerror}); name another folder") from None
    save_png(value, path)
    return str(path)
