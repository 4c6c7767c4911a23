"""Picture files in one folder and a table of their classes: the form of Kaggle's competitions."""

import csv
from pathlib import Path
from typing import Literal

import torch

from dl_runner.config.types import Fraction, PositiveInt
from dl_runner.data.dataset import Data
from dl_runner.data.fitted.picture_table import PictureTable
from dl_runner.data.photographs import InMemory, located, photographs, with_test
from dl_runner.data.picture_files import numbered
from dl_runner.data.splits import FileSplit
from dl_runner.errors import UserError, hint


def labelled_files(
    root: Path,
    *,
    path: str,
    labels: str,
    id_column: str | None = None,
    label_column: str | None = None,
    missing: Literal["refuse", "skip"] = "refuse",
    test: Fraction = 0.2,
    resize: PositiveInt | None = None,
    in_memory: InMemory = "auto",
    image_size: int | None = None,
    seed: int = 0,
) -> Data:
    """Images in RGB, as `image_folder` makes them: uint8 (n, 3, size, size). Classes are in alphabetical order.

    Args:
        root: the folder of all data sets.
        path: the folder of pictures; absolute, or relative to `root` or to the working directory.
        labels: a CSV file with a line of column names; it is found as `path` is.
        id_column: the column of the pictures' names, with or without their endings; None for the first.
        label_column: the column of their classes; None for the second.
        missing: what to do with a line of the table whose picture is not there.
        test: share held out as the test split, stratified; 0 for none.
        resize: as for `image_folder`.
        in_memory: as for `image_folder`.
        image_size: side in pixels, >= 1.
        seed: of the test split, >= 0.

    Raises:
        UserError: a table that cannot be read, a picture without a line or with several, a line without a picture, a
            line without a class, or fewer than two classes.
    """
    if image_size is None:
        raise UserError("data.image_size=null: pictures may differ in size; give a number of pixels, such as 32")
    folder, table = located(path, root), located(labels, root, "data.labels", "file")
    files, (columns, named) = _files(folder), _read(table, id_column, label_column)
    if absent := [name for name in named if name not in files]:
        if missing == "refuse":
            raise UserError(
                f"{table}: line {named[absent[0]][1]} names {absent[0]}, and {folder} has no such picture (nor "
                f"those of {len(absent) - 1} other lines); data.missing=skip goes on without them"
            )
        for name in absent:
            del named[name]
    found: dict[Path, str] = {}
    for name, (label, number) in named.items():
        if files[name] in found:
            raise UserError(f"{table}: line {number} names {files[name].name} again; keep one line for each picture")
        found[files[name]] = label
    if unknown := sorted(set(files.values()) - set(found)):
        raise UserError(
            f"{unknown[0]}: {table} has no line for it (nor for {len(unknown) - 1} others); add it, or move the "
            "picture away (`dlrun predict` takes pictures without a class)"
        )
    classes = sorted(set(found.values()))
    if len(classes) < 2:
        raise UserError(f"{table}: needs two classes or more, found {len(classes)} for the pictures in {folder}")
    paths = sorted(found, key=numbered)
    targets = torch.tensor([classes.index(found[one]) for one in paths])
    splits = with_test(FileSplit(tuple(paths), targets, image_size), test, seed)
    form = PictureTable(*columns, endings=all(name == files[name].name for name in named))
    return photographs(classes, splits, image_size, resize=resize, in_memory=in_memory, fit=form)


def _files(folder: Path) -> dict[str, Path]:
    """The pictures of a folder by their names, with and without their endings.

    Raises:
        UserError: there are none, or two that differ in their endings.
    """
    found: dict[str, Path] = {}
    for file in sorted(folder.iterdir()):
        if file.name.startswith(".") or not file.is_file() or file.suffix.lower() == ".csv":
            continue
        if file.stem in found:
            raise UserError(f"{file}: there is {found[file.stem].name} as well, and a name means one picture")
        found[file.stem] = found[file.name] = file
    if not found:
        raise UserError(f"data.path={folder}: holds no pictures")
    return found


def _read(
    table: Path, id_column: str | None, label_column: str | None
) -> tuple[tuple[str, str], dict[str, tuple[str, int]]]:
    """The columns of names and classes, and from names of pictures to their classes and the lines that say so, from 1.

    Raises:
        UserError: it cannot be read, has no such columns, or a line is incomplete or names a picture again.
    """
    try:
        with table.open(newline="", encoding="utf-8-sig") as file:
            lines = csv.DictReader(file)
            columns = list(lines.fieldnames or ())
            keys = _column(table, columns, id_column, 0), _column(table, columns, label_column, 1)
            rows = [(lines.line_num, *(line[key] for key in keys)) for line in lines]
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise UserError(f"{table}: cannot be read as a CSV file ({error})") from None
    if keys[0] == keys[1]:
        key = "data.id_column and data.label_column"
        raise UserError(f"{table}: {keys[0]} cannot be both names and classes; set {key}")
    return keys, _by_name(table, rows)


def _by_name(table: Path, rows: list[tuple[int, str | None, str | None]]) -> dict[str, tuple[str, int]]:
    found: dict[str, tuple[str, int]] = {}
    for number, name, label in rows:
        name, label = (name or "").strip(), (label or "").strip()
        if not name or not label:
            raise UserError(f"{table}: line {number} has no {'class' if name else 'name of a picture'}")
        if name in found:
            raise UserError(f"{table}: line {number} names {name}, as line {found[name][1]} does; keep one of them")
        found[name] = label, number
    if not found:
        raise UserError(f"{table}: has no lines beside the names of its columns")
    return found


def _column(table: Path, columns: list[str], wanted: str | None, place: int) -> str:
    if wanted is None and len(columns) > place:
        return columns[place]
    if wanted is None:
        raise UserError(f"{table}: needs a line of column names, two or more with commas between, not {columns}")
    if wanted not in columns:
        key = f"data.{('id', 'label')[place]}_column={wanted}"
        raise UserError(f"{key}: {table} has no such column{hint(wanted, columns)}")
    return wanted
